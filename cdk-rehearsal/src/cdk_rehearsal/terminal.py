"""What a terminal can show, lines that fit its width, and a line that changes."""

import os
import shutil
import textwrap
from typing import TextIO

NOT_SHOWN = "Not shown: "
"""The beginning of a line that names what a test or rehearsal has left out."""


def is_live(stream: TextIO) -> bool:
    """Return whether a tool may overwrite a line: not in a file, in CI or on a dumb terminal."""
    dumb = os.environ.get("TERM", "dumb") in {"", "dumb"}
    return stream.isatty() and not dumb and not os.environ.get("CI")


def has_colour(stream: TextIO) -> bool:
    """Return whether colours are possible and wanted (https://no-color.org)."""
    return is_live(stream) and not os.environ.get("NO_COLOR")


def fill(text: str, note: str, *, indent: int) -> str:
    """Return ``text`` and ``note`` as lines that fit the terminal, broken between words only.

    All lines after the first begin after ``indent`` spaces.
    """
    return textwrap.fill(
        (text + note).rstrip(),
        _columns(),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


class LiveLine:
    """A line at the bottom of a terminal that says what runs now; nothing if it is not live."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = is_live(stream)

    def show(self, text: str) -> None:
        """Overwrite the line."""
        if self._live:
            printable = "".join(each if each.isprintable() else " " for each in text)
            self._stream.write(f"\r{printable[: _columns()]}\x1b[K\r")
            self._stream.flush()

    def clear(self) -> None:
        """Remove the line."""
        self.show("")


def _columns() -> int:
    # A text in the last column would move the cursor to the next line.
    return max(20, shutil.get_terminal_size().columns - 1)
