"""Commands that run on a terminal of their own, and the lines that stay there of each."""

import codecs
import errno
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path

COLUMNS, ROWS = 68, 24
_PROMPT_END = ": "
_TOKEN = re.compile(r"\x1b\[(?P<codes>[\d;]*)(?P<what>[A-Za-z])|(?P<character>[^\x1b])")

_BEGUN = re.compile(r"\x1b(\[[\d;]*)?\Z")


@dataclass(frozen=True)
class Line:
    """A line that stays: when it was complete, and its text with the codes of its colours."""

    at: float
    text: str


@dataclass(frozen=True)
class Scene:
    """A command as it was typed, how long it took, what came of it, and what is noted before."""

    command: str
    seconds: float
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()


class SessionError(Exception):
    """A command that is recorded ended otherwise than well; the message has its last lines."""


class Terminal:
    """Keeps the lines of an output; of one that is written over, only what it was at its end."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._cells: list[tuple[str, str]] = []
        self._column, self._codes, self._begun = 0, "", ""

    @property
    def unfinished(self) -> str:
        """The text of the line that the cursor is in."""
        return "".join(character for _, character in self._cells)

    def feed(self, text: str, at: float) -> None:
        """Take what was written at a moment."""
        text = self._begun + text
        whole = _BEGUN.sub("", text)
        self._begun = text[len(whole) :]
        for token in _TOKEN.finditer(whole):
            if character := token["character"]:
                self._put(character, at)
            elif token["what"] == "m":
                self._codes = token["codes"] if token["codes"] not in {"", "0"} else ""
            elif token["what"] == "K":
                del self._cells[self._column :]

    def _put(self, character: str, at: float) -> None:
        if character == "\n":
            self.lines.append(Line(round(at, 2), self._painted()))
            self._cells, self._column = [], 0
        elif character == "\r":
            self._column = 0
        else:
            self._cells[self._column : self._column + 1] = [(self._codes, character)]
            self._column += 1

    def _painted(self) -> str:
        text, last = "", ""
        for codes, character in self._cells:
            if codes != last:
                text += f"\x1b[{codes or '0'}m"
            text, last = text + character, codes
        return (text + ("\x1b[0m" if last else "")).rstrip()


def record(
    command: str, folder: Path, environment: Mapping[str, str], replies: Sequence[str] = ()
) -> Scene:
    """Run a command line on a terminal until it ends; each question gets the next reply."""
    began = time.monotonic()
    terminal, waiting = Terminal(), list(replies)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with _started(command, folder, environment) as (process, master):
        while chunk := _read(master):
            terminal.feed(decoder.decode(chunk), time.monotonic() - began)
            if waiting and terminal.unfinished.endswith(_PROMPT_END):
                os.write(master, f"{waiting.pop(0)}\n".encode())
        status = process.wait()
    if status:
        last = "\n".join(line.text for line in terminal.lines[-20:])
        raise SessionError(f"{command}: exit status {status}\n{last}")
    return Scene(command, round(time.monotonic() - began, 1), tuple(terminal.lines))


@contextmanager
def _started(
    command: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    try:
        master, slave = pty.openpty()
    except OSError as error:
        raise SessionError(f"this machine gives no terminal: {error}") from error
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield process, master
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        os.close(master)  # Before the wait: who writes to a terminal that nobody reads never ends.
        process.wait()


def _read(master: int) -> bytes:
    """Return what was written; nothing when nobody has the terminal open any more."""
    try:
        return os.read(master, 65536)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""
