"""How the tools behave as commands: in a pipe, on any terminal, and when somebody stops them.

Each ``__main__`` imports this before anything else, so that Ctrl-C is one line even while the rest
is being imported, and hands its ``main`` to ``run``.
"""

import argparse
import codecs
import errno
import io
import os
import signal
import sys
import unicodedata
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import NoReturn, TextIO

_FURTHER = {"✓": "+", "✅": "+", "✗": "x", "❌": "x", "×": "x", "→": "->", "·": "-", "‣": "-"}
"""What stands for a character that a terminal cannot show, where Unicode has nothing simpler."""

_READABLE = "readable"
_ENDED_BY = {128 + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}


def run(main: Callable[[], int | None], *, stopped: str = "Stopped.") -> NoReturn:
    """Run a tool and end the process with what ``main`` returns, or with its ``SystemExit``.

    Ctrl-C, SIGTERM and a closed terminal leave every ``with`` block of ``main``; then the line
    ``stopped`` is said, and the status is 128 and the signal's number, as shells have it.
    A reader that has seen enough (``| head``) ends it without a word; output that cannot be written
    for another reason, and a file that cannot be read or written, are one line. A character that
    standard output cannot take is replaced by one that it can.
    """
    sys.stdout, sys.stderr = _Output(sys.stdout), _Output(sys.stderr)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _leave)
    sys.exit(_status_of(main, stopped))


def _status_of(main: Callable[[], int | None], stopped: str) -> int | str | None:
    status: int | str | None
    try:
        try:
            status = main()
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT
        except SystemExit as leaving:
            status = leaving.code
        if status in _ENDED_BY:
            _say_last(stopped)
        sys.stdout.flush()
    except _LostOutputError as error:
        # What is left in the buffer must not be tried once more when Python ends.
        _close(error.descriptor)
        if error.errno == errno.EPIPE:
            return 128 + signal.SIGPIPE
        return f"error: the output cannot be written: {error.strerror}"
    except OSError as error:
        if error.filename is None:
            raise
        return f"error: {error.filename!r}: {error.strerror}"
    return status


def whole_number(least: int) -> Callable[[str], int]:
    """Return what reads a whole number from ``least`` on; as the ``type`` of an option."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise argparse.ArgumentTypeError(f"{text!a}: expected a whole number from {least} on")
        return int(text)

    return read


def _leave(number: int, _frame: FrameType | None) -> None:
    # A second one, of make or of the shell, must not interrupt the cleaning up.
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


class _LostOutputError(OSError):
    """Standard output or standard error, ``descriptor``, takes nothing any more."""

    def __init__(self, error: OSError, descriptor: int) -> None:
        super().__init__(error.errno, error.strerror)
        self.descriptor = descriptor


class _Output(io.TextIOWrapper):
    """An output once more, as ``run`` promises to treat it; its errors are told from others.

    Not below the buffer: a signal that came after a write there would have it repeated.
    """

    def __init__(self, output: TextIO) -> None:
        output.flush()
        unbuffered = isinstance(output, io.TextIOWrapper) and output.write_through
        super().__init__(
            output.buffer,
            encoding=output.encoding,
            errors=_READABLE,
            line_buffering=bool(output.line_buffering),
            write_through=unbuffered,
        )
        self._output = output  # which else would close its buffer

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise _LostOutputError(error, self.fileno()) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _LostOutputError(error, self.fileno()) from None


def _fill_gaps() -> None:
    """Open what somebody has closed (``>&-``), so that no other file gets its number.

    Standard output still cannot be written, as the tool then says at its end; what would be said on
    standard error nobody wants to know.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8")


def _say_last(text: str) -> None:
    if not text:
        return
    # The terminal has written ^C, or a line that was to be written over.
    print(f"\n{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)
    # The children got the Ctrl-C, too; how jsii takes the end of Node is nobody's concern now.
    _close(sys.stderr.fileno())


def _close(descriptor: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_plain, text)), error.end


def _plain(character: str) -> str:
    simpler = _FURTHER.get(character) or unicodedata.normalize("NFKD", character)
    return simpler.encode("ascii", "ignore").decode() or "?"


def _one_line_for_ctrl_c(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        _say_last("Stopped.")
    else:
        sys.__excepthook__(kind, error, trace)


_fill_gaps()
codecs.register_error(_READABLE, _readable)
sys.excepthook = _one_line_for_ctrl_c
