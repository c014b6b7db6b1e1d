"""Reading a text file that a user named."""

import stat
from pathlib import Path

from .problems import UnfitError

# Far beyond any real settings or outputs file, and small enough to be parsed in no time.
_MOST_BYTES = 1024 * 1024


def read_text(path: Path) -> str:
    """Return the text of the file, without a byte order mark.

    Raises `FileNotFoundError` if there is no such file, and `UnfitError` if it cannot be used.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnfitError("this is a directory; expected a file")
        # A pipe or a device could block for ever, or never end.
        if not stat.S_ISREG(status.st_mode):
            raise UnfitError("this is not a regular file")
        if status.st_size > _MOST_BYTES:
            size = status.st_size / _MOST_BYTES
            raise UnfitError(f"the file has {size:.1f} MiB; expected at most 1 MiB")
        content = path.read_bytes()
    except (FileNotFoundError, UnfitError):
        raise
    except ValueError:  # a NUL, or half of a surrogate pair
        raise UnfitError("no file can have such a name") from None
    except OSError as error:
        raise UnfitError(f"the file cannot be read ({error.strerror})") from None
    return _decode(content)


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnfitError(f"the file is not UTF-8 text (line {line}); save it as UTF-8") from None
