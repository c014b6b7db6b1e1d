"""Widths of texts in the font that the picture carries, so that nothing overlaps anywhere."""

import re
import struct
from functools import cache
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = FONTS / "Inter-Regular.ttf", FONTS / "Inter-SemiBold.ttf"


@cache
def _advances(font: Path) -> dict[str, float]:
    """Return the advance of each character, in ems."""
    data = font.read_bytes()
    (table_count,) = struct.unpack_from(">H", data, 4)
    entries = [struct.unpack_from(">4sIII", data, 12 + 16 * i) for i in range(table_count)]
    tables = {tag.decode(): offset for tag, _, offset, _ in entries}
    (units,) = struct.unpack_from(">H", data, tables["head"] + 18)
    (metric_count,) = struct.unpack_from(">H", data, tables["hhea"] + 34)
    return {
        chr(code): struct.unpack_from(
            ">H", data, tables["hmtx"] + 4 * min(glyph, metric_count - 1)
        )[0]
        / units
        for code, glyph in _glyphs(data, tables["cmap"])
    }


def _glyphs(data: bytes, cmap: int) -> list[tuple[int, int]]:
    """Read the only subtable, format 4, that our subset of the font has."""
    (offset,) = struct.unpack_from(">I", data, cmap + 8)
    start = cmap + offset
    (twice_count,) = struct.unpack_from(">H", data, start + 6)
    count = twice_count // 2
    columns = [
        struct.unpack_from(f">{count}H", data, start + position)
        for position in (14, 16 + twice_count, 16 + 2 * twice_count, 16 + 3 * twice_count)
    ]
    found = []
    for index, (last, first, delta, range_offset) in enumerate(zip(*columns, strict=True)):
        for code in range(first, min(last, 0xFFFE) + 1):
            glyph = code
            if range_offset:
                at = start + 16 + 3 * twice_count + 2 * index + range_offset + 2 * (code - first)
                (glyph,) = struct.unpack_from(">H", data, at)
            found.append((code, (glyph + delta) % 0x10000))
    return found


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text in pixels."""
    advances = _advances(BOLD if bold else REGULAR)
    return size * sum(advances[character] for character in text)


def wrapped(text: str, size: float, available: float) -> list[str]:
    """Break a text after a space or dot, else after a dash or slash, so that each line fits."""
    lines = [""]
    for piece in re.findall(r"[^ .]*[ .]+|[^ .]+", text):
        fine = width(piece.rstrip(), size) <= available
        for part in [piece] if fine else re.findall(r"[^-/]*[-/]+|[^-/]+", piece):
            if lines[-1] and width((lines[-1] + part).rstrip(), size) > available:
                lines.append("")
            lines[-1] += part
    return [line.rstrip() for line in lines]
