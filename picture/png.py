"""The picture as PNG, for places that show no SVG."""

import struct
import zlib
from hashlib import sha256

import resvg_py

from picture.text import BOLD, REGULAR

WIDTH = 2240
_SIGNATURE_AND_HEADER = 33
"""Bytes before the second chunk; the first, IHDR, has a fixed length."""
_KEY = b"Made-From-SHA-256\0"


def png(svg: str) -> bytes:
    """Render the picture with the fonts that it carries, and note which SVG it was made from."""
    fonts = [str(REGULAR), str(BOLD)]
    image = resvg_py.svg_to_bytes(
        svg_string=svg, width=WIDTH, skip_system_fonts=True, font_files=fonts, font_family="Inter"
    )
    data = b"tEXt" + _KEY + sha256(svg.encode()).hexdigest().encode()
    chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    start = bytes(image[:_SIGNATURE_AND_HEADER])
    return start + chunk + bytes(image[_SIGNATURE_AND_HEADER:])


def source_of(image: bytes) -> str:
    """Return the digest of the SVG that a PNG says it was made from."""
    _, _, rest = image.partition(_KEY)
    return rest[:64].decode()
