"""What a terminal can show, lines that fit its width, and a line that changes.

Names, logs and messages of others may hold escapes that steer a terminal. ``printable`` shows them
as text. A tool that calls ``guard_output`` does so in all that it says.
"""

import io
import os
import shutil
import sys
import textwrap
from typing import TextIO

NOT_SHOWN = "Not shown: "
"""The beginning of a line that names what a test or rehearsal has left out."""


def is_live(stream: TextIO) -> bool:
    """Return whether a tool may overwrite a line: not in a file, in CI or on a dumb terminal."""
    dumb = os.environ.get("TERM", "dumb") in {"", "dumb"}
    return stream.isatty() and not dumb and not os.environ.get("CI")


def printable(text: str) -> str:
    r"""Return a text with control characters as text, such as \x1b; line feeds and tabs stay."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )


class PrintableStream(io.TextIOWrapper):
    """Standard output or error that prints ``printable`` texts only.

    It takes the place of ``stream``. A character that its encoding lacks becomes a question mark.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        stream.flush()
        self._replaced = stream  # At its end it would close the buffer.
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors="replace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def write(self, text: str) -> int:
        """Print a text in which nothing steers the terminal."""
        return super().write(printable(text))


def guard_output() -> None:
    """Let standard output and error of this process print ``printable`` texts only."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = PrintableStream(sys.stdout)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = PrintableStream(sys.stderr)


def write_codes(stream: TextIO, text: str) -> None:
    """Print a text with codes of the tool itself; all foreign text in it must be ``printable``."""
    if isinstance(stream, PrintableStream):
        io.TextIOWrapper.write(stream, text)
    else:
        stream.write(text)
    stream.flush()


def fill(text: str, note: str, *, indent: int) -> str:
    """Return ``text`` and ``note`` as lines that fit the terminal, broken between words only.

    All lines after the first begin after ``indent`` spaces. It is one line for a file or a pipe.
    """
    if not is_live(sys.stdout):
        return (text + note).rstrip()
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
            line = printable(text.replace("\n", " "))[: _columns()]
            write_codes(self._stream, f"\r{line}\x1b[K\r")

    def clear(self) -> None:
        """Remove the line."""
        self.show("")


def _columns() -> int:
    # A text in the last column would move the cursor to the next line.
    return max(20, shutil.get_terminal_size().columns - 1)
