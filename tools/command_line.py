"""How every tool ends: after Ctrl-C, after SIGTERM, and when the reader of its output is gone.

Each ``__main__`` imports this module first, so that Ctrl-C prints one line even during the other
imports, and passes its ``main`` to ``run``.
"""

import argparse
import io
import os
import select
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import NoReturn

_STOPPED = {128 + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}


def run(main: Callable[[], int | None], *, stopped: str = "Stopped.") -> NoReturn:
    """Run a tool and end the process with the status that ``main`` returns or exits with.

    Ctrl-C, SIGTERM and SIGHUP leave every ``with`` block of ``main`` and then print ``stopped``;
    the status is 128 plus the number of the signal, as in a shell. If the reader of the output
    goes away (``| head``), the tool ends without a message. A file that cannot be opened is one
    line. A character that the encoding of the output does not have becomes a question mark.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP.
            signal.signal(number, _leave)
    sys.exit(_status_of(main, stopped))


def whole_number(least: int) -> Callable[[str], int]:
    """Return a function that reads a whole number from ``least`` on: the ``type`` of an option."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise argparse.ArgumentTypeError(f"{text!a}: expected a whole number from {least} on")
        return int(text)

    return read


def _status_of(main: Callable[[], int | None], stopped: str) -> int | str | None:
    status: int | str | None
    try:
        try:
            status = main()
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT
        except SystemExit as leaving:
            status = leaving.code
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        _redirect_to_null(sys.stdout.fileno())  # Python flushes once more when it ends.
        status = 128 + signal.SIGPIPE
    except OSError as error:
        if error.filename is None:
            raise
        status = f"error: {error.filename!r}: {error.strerror}"
    if status in _STOPPED:
        _print_last(stopped)
    return status


def _leave(number: int, _frame: FrameType | None) -> None:
    # A second signal, from make or the shell, must not interrupt the cleanup.
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _reader_is_gone() -> bool:
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # poll always reports errors.
    return bool(output.poll(0))


def _print_last(text: str) -> None:
    # A terminal has already printed ^C on the current line.
    print(f"\n{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)
    # Ctrl-C also ended the Node process of jsii, which complains about it when Python ends.
    _redirect_to_null(sys.stderr.fileno())


def _redirect_to_null(descriptor: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _print_one_line_for_ctrl_c(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        _print_last("Stopped.")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _print_one_line_for_ctrl_c
