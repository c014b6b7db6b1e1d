"""How every tool ends: after Ctrl-C, after SIGTERM, and when the reader of its output is gone.

Each ``__main__`` imports this module first, so that Ctrl-C prints no traceback during the other
imports, and passes its ``main`` to ``run``.
"""

import os
import re
import select
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import NoReturn

# Python's words, and those of Node, which CDK runs in. It unpacks CDK when it is imported.
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded|\b(?:ENOSPC|EDQUOT)\b")
_FULL_DISK = (
    "error: a disk is full: make room in the temporary folder, in ~/.cache, or in this folder"
)


def run(main: Callable[[], int | None], *, stopped: str = "Stopped.") -> NoReturn:
    """Run a tool and end the process with the status that ``main`` returns or exits with.

    Ctrl-C, SIGTERM and SIGHUP leave every ``with`` block of ``main`` and then print ``stopped``;
    the status is 128 plus the number of the signal, as in a shell. If the reader of the output
    goes away (``| head``), the tool ends without a message. A file that cannot be opened and a
    full disk are one line. Control characters of foreign text are printed as text.
    """
    from cdk_rehearsal.terminal import guard_output  # noqa: PLC0415 - Ctrl-C first, see above

    guard_output()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP.
            signal.signal(number, _stop)
    status: int | str | None
    try:
        status = main()
        sys.stdout.flush()
    except KeyboardInterrupt as stop:
        status = 128 + int(stop.args[0])
        # A terminal has already printed ^C on the current line.
        print(f"\n{stopped}" if sys.stderr.isatty() else stopped, file=sys.stderr, flush=True)
        # Ctrl-C also ended the Node process of jsii, which complains about it when Python ends.
        _redirect_to_null(sys.stderr.fileno())
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        _redirect_to_null(sys.stdout.fileno())  # Python flushes once more when it ends.
        status = 128 + signal.SIGPIPE
    except OSError as error:
        if error.filename is None:
            raise
        status = f"error: {error.filename!r}: {error.strerror}"
    sys.exit(status)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    # A second signal, from make or the shell, must not interrupt the cleanup.
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _reader_is_gone() -> bool:
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # poll always reports errors.
    return bool(output.poll(0))


def _redirect_to_null(descriptor: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _print_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if _NO_SPACE.search(str(error)):
        print(_FULL_DISK, file=sys.stderr)
        sys.unraisablehook = lambda _: None  # jsii ends with another error, of its half start
    elif kind is not KeyboardInterrupt:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _print_error
