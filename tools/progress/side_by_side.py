"""Run commands side by side: ``python -m tools.progress.side_by_side --part NAME COMMAND ...``.

On a terminal a line for each part that runs tells how far it is; in a log there is nothing until a
part has ended. What failed comes last: its output with the reason, then its name. Lines that begin
with `Not shown: ` are repeated when all have ended. Ctrl-C ends all parts, with all that they have
started. The exit status is 0 only if every part's is.
"""

from tools.command_line import run

import argparse
import contextlib
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from tools.progress.terminal import columns, cut, has_colour, is_live

NOT_SHOWN = "Not shown: "
"""How a line begins that says what a part has left out."""

_REDRAW_SECONDS = 0.2
# How long a part may hold its output open beyond its end: some process that it forgot may have it.
_GRACE_SECONDS = 2.0
# Each part is told to end as Ctrl-C would tell it, and cleans up; then less and less kindly.
_ENDINGS = ((signal.SIGINT, 15.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
_PERCENT = re.compile(r"\[ *(\d+%)\]")


class _StopError(BaseException):
    """This process was told to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(kw_only=True)
class Part:
    """A shell command with a name; it runs in a session of its own, and never waits for input."""

    name: str
    command: str
    output: bytearray = field(default_factory=bytearray)

    def start(self, environment: dict[str, str]) -> None:
        """Begin."""
        self.began = time.monotonic()
        self.ended: float | None = None
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", self.command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def read(self) -> bool:
        """Take what it has printed; False at the end of its output."""
        chunk = os.read(self.process.stdout.fileno(), 65536) if self.process.stdout else b""
        self.output += chunk
        return bool(chunk)

    def is_over(self, *, all_read: bool) -> bool:
        """Say whether it has ended, and nothing more is to be read."""
        if self.process.poll() is None:
            return False
        self.ended = self.ended or time.monotonic()
        return all_read or time.monotonic() - self.ended > _GRACE_SECONDS

    def signal(self, number: int) -> None:
        """Send a signal to it and to what it has started, unless it has ended."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    @property
    def took(self) -> str:
        """How long it has run, for people."""
        return f"{(self.ended or time.monotonic()) - self.began:.0f} s"

    @property
    def outcome(self) -> str:
        """How it has ended."""
        status = self.process.returncode
        if status == 0:
            return "passed"
        return f"exit status {status}" if status > 0 else f"ended by {signal.Signals(-status).name}"

    @property
    def newest(self) -> str:
        """The last that it has printed, after how far it says it is."""
        text = bytes(self.output[-4000:]).decode(errors="replace")
        lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
        percent = _PERCENT.findall(text)
        return f"{percent[-1] if percent else '':>4}  {lines[-1].strip() if lines else ''}"

    def text(self) -> str:
        """All that it has printed."""
        return self.output.decode(errors="replace")


class SideBySide:
    """Runs parts, and tells of them; ``show`` is how much of the output of one that passed."""

    def __init__(self, parts: Sequence[Part], *, show: str = "all") -> None:
        self._parts = list(parts)
        self._show = show
        self._running: list[Part] = []
        self._passed: list[Part] = []
        self._failed: list[Part] = []
        self._selector = selectors.DefaultSelector()
        self._live = is_live(sys.stdout)
        self._drawn = 0.0

    def run(self) -> int:
        """Run all to their end, and return the exit status of the whole."""
        environment = dict(os.environ) | ({"PYTHONUNBUFFERED": "1"} if self._live else {})
        stopped: list[str] = []
        status = 0
        try:
            for part in self._parts:
                if self._show != "all" and not self._live:
                    self._say(part.name)
                part.start(environment)
                self._running.append(part)
                self._selector.register(part.process.stdout or 0, selectors.EVENT_READ, part)
            while self._running:
                for part in self._some_time():
                    self._tell(part)
        except _StopError as stop:
            stopped, status = [part.name for part in self._running], 128 + stop.number
            self._say(f"{signal.Signals(stop.number).name}: ending {', '.join(stopped)}")
        finally:
            self._end_all()
        failed = self._sum_up(stopped)
        return status or failed

    def _some_time(self) -> list[Part]:
        """Read what is printed for a moment, and return the parts that are over."""
        for key, _ in self._selector.select(_REDRAW_SECONDS):
            if not key.data.read():
                self._selector.unregister(key.fileobj)
        unread = [key.data for key in self._selector.get_map().values()]
        over = [each for each in self._running if each.is_over(all_read=each not in unread)]
        for part in over:
            self._running.remove(part)
            if part in unread:
                self._selector.unregister(part.process.stdout or 0)
        if self._live and (over or time.monotonic() - self._drawn > _REDRAW_SECONDS):
            self._draw()
        return over

    def _draw(self) -> None:
        """Write a line for each part that runs, and go back to the first one."""
        self._drawn = time.monotonic()
        names = [cut(part.name, columns() // 2) for part in self._running]
        width = max(map(len, names), default=0)
        lines = [
            cut(f"… {name:<{width}}  {part.took:>6}  {part.newest}", columns())
            for name, part in zip(names, self._running, strict=True)
        ]
        back = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
        sys.stdout.write("\r" + "\n".join(f"{line}\x1b[K" for line in lines) + f"\r{back}")
        sys.stdout.flush()

    def _tell(self, part: Part) -> None:
        if part.process.returncode:
            self._failed.append(part)
            if self._running:
                told = f"FAILED ({part.outcome}) after {part.took}; what it said is at the end"
                self._say(f"--- {part.name}: {told}")
            return
        self._passed.append(part)
        if self._show == "all":
            self._say_with_output(f"--- {part.name}: passed, {part.took}", part)
        elif self._live:
            self._say(f"{part.name}: {part.took}")
        if self._show == "last":
            self._say("".join(part.text().strip().splitlines()[-1:]))

    def _sum_up(self, stopped: Collection[str]) -> int:
        """Say what was not shown, then what failed, and why; return whether anything did."""
        passed = ", ".join(part.name for part in self._passed)
        if self._show == "all" and not self._failed and not stopped:
            self._say(f"--- All passed: {passed}")
        for line in _not_shown(self._passed):
            self._say(line)
        # The shortest last: a page of reasons of one part must not hide the line of another.
        for part in sorted(self._failed, key=lambda part: len(part.output), reverse=True):
            self._say_with_output(f"--- {part.name}: FAILED ({part.outcome}), {part.took}", part)
        failed = ", ".join(f"{part.name} ({part.outcome})" for part in self._failed)
        sums = (
            self._painted(f"FAILED: {failed}.") if failed else "",
            f"Not finished: {', '.join(stopped)}." if stopped else "",
            f"Passed: {passed}." if passed else "",
        )
        if failed or stopped:
            self._say(" ".join(filter(None, sums)))
        return 1 if failed else 0

    def _end_all(self) -> None:
        """End what still runs; another Ctrl-C makes it less patient."""
        for number, patience in _ENDINGS:
            deadline = time.monotonic() + patience
            with contextlib.suppress(_StopError):
                for part in self._running:
                    part.signal(number)
                while self._running and time.monotonic() < deadline:
                    self._some_time()
        if self._live:
            sys.stdout.write("\r\x1b[J")
            sys.stdout.flush()

    def _say_with_output(self, line: str, part: Part) -> None:
        self._say(line)
        text = part.text()
        print(text, end="" if text.endswith("\n") or not text else "\n", flush=True)

    def _say(self, line: str) -> None:
        clear = "\r\x1b[J" if self._live else ""
        print(f"{clear}{line}", flush=True)

    def _painted(self, text: str) -> str:
        return f"\x1b[31m{text}\x1b[0m" if has_colour(sys.stdout) else text


def _not_shown(parts: Iterable[Part]) -> list[str]:
    lines = [line for part in parts for line in part.text().splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith(NOT_SHOWN)))


def _ignore(_number: int, _frame: object) -> None:
    """Take no notice, as who started this wants it (nohup, or `&` in a script).

    SIG_IGN would be inherited. No terminal reaches the parts, in sessions of their own; they would
    be deaf to the signals from here, and tests in them to those that they send.
    """


def _stop(number: int, _frame: object) -> None:
    raise _StopError(number)


def main() -> int:
    """Run the parts of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.progress.side_by_side", description=__doc__
    )
    parser.add_argument(
        "--part",
        action="append",
        nargs=2,
        required=True,
        metavar=("NAME", "COMMAND"),
        help="what to call a command, and the command, for /bin/sh",
    )
    parser.add_argument(
        "--show",
        choices=("all", "last", "nothing"),
        default="all",
        help="what to print of a part that passed: all its output, its last line, or nothing",
    )
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        ignored = signal.getsignal(number) is signal.SIG_IGN
        signal.signal(number, _ignore if ignored else _stop)
    parts = [Part(name=name, command=command) for name, command in given.part]
    return SideBySide(parts, show=given.show).run()


if __name__ == "__main__":
    run(main, stopped="")
