"""What the terminal can do, and a line on it that changes."""

import os
import shutil
import textwrap
import unicodedata
from typing import TextIO


def is_live(stream: TextIO) -> bool:
    """Say whether a line may be written over: not in a log, in CI, or on a dumb terminal."""
    dumb = os.environ.get("TERM", "dumb") in {"", "dumb"}
    return stream.isatty() and not dumb and not os.environ.get("CI")


def has_colour(stream: TextIO) -> bool:
    """Say whether colours are shown and wanted (https://no-color.org)."""
    return is_live(stream) and not os.environ.get("NO_COLOR")


def columns() -> int:
    """Return how many columns there are; the last one is left alone, where lines would wrap."""
    return max(20, shutil.get_terminal_size().columns - 1)


def cut(text: str, width: int) -> str:
    """Return what fits of a text into ``width`` columns, without anything that moves the cursor."""
    shown, used = "", 0
    for character in text:
        safe = character if character.isprintable() else " "
        used += 2 if unicodedata.east_asian_width(safe) in "WF" else 1
        if used > width:
            return f"{shown[:-1]}…"
        shown += safe
    return shown


def fill(text: str, note: str, *, indent: int) -> str:
    """Join a text and a note to lines that fit: the note goes on, or begins, below the text.

    Continued lines begin after ``indent`` spaces. A word that is too long for a line stays whole,
    so that it can be copied.
    """
    width, begin = columns(), " " * indent
    if len(text) + len(note) <= width:
        return (text + note).rstrip()
    room = width - len(text)
    first_word = note.partition(" ")[0]
    if room < max(len(first_word), width // 4):
        rest, lines = note, [text.rstrip()]
    else:
        first = textwrap.wrap(note, room, break_long_words=False, break_on_hyphens=False)[0]
        rest, lines = note[len(first) :], [text + first]
    lines += textwrap.wrap(
        rest.strip(),
        width,
        initial_indent=begin,
        subsequent_indent=begin,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


class LiveLine:
    """A line at the bottom of a terminal that says what goes on; nothing elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = is_live(stream)

    def show(self, text: str) -> None:
        """Write over the line."""
        if self._live:
            self._stream.write(f"\r{cut(text, columns())}\x1b[K\r")
            self._stream.flush()

    def keep(self, text: str) -> None:
        """Write a line that stays, instead of the one that changes."""
        if self._live:
            self._stream.write(f"\r\x1b[K{text}\n")
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        self.show("")
