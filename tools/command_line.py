"""How the tools behave as commands: in a pipe, on any terminal, and when somebody stops them.

Each ``__main__`` imports this before anything else, so that Ctrl-C is one line even while the rest
is being imported, and hands its ``main`` to ``run``.
"""

import codecs
import errno
import os
import select
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
    A reader that has seen enough (``| head``) ends it without a word. A character that standard
    output cannot take is replaced by one that it can.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_READABLE)
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
    except OSError as error:
        if not any([_is_lost(sys.stdout), _is_lost(sys.stderr)]):
            raise
        if error.errno == errno.EPIPE:
            return 128 + signal.SIGPIPE
        return f"error: the output cannot be written: {error.strerror}"
    return status


def _leave(number: int, _frame: FrameType | None) -> None:
    # A second one, of make or of the shell, must not interrupt the cleaning up.
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _is_lost(stream: TextIO) -> bool:
    """Say whether a stream takes nothing any more, and keep Python from trying it at the end."""
    try:
        # Without a buffer (PYTHONUNBUFFERED) nothing is left to fail once more.
        waiting = select.poll()
        waiting.register(stream.fileno(), 0)
        lost = bool(waiting.poll(0))
        stream.flush()
    except OSError:
        lost = True
    if lost:
        _close(stream)
    return lost


def _say_last(text: str) -> None:
    # The terminal has written ^C, or a line that was to be written over.
    print(f"\n{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)
    # The children got the Ctrl-C, too; how jsii takes the end of Node is nobody's concern now.
    _close(sys.stderr)


def _close(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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


codecs.register_error(_READABLE, _readable)
sys.excepthook = _one_line_for_ctrl_c
