"""Marks the slow tests of the tools, orders them, and prints what skipped tests leave out."""

import signal
from collections import Counter
from typing import Any

from cdk_rehearsal.terminal import NOT_SHOWN

# A shell lets background processes (``make test &``) ignore Ctrl-C and a closed terminal. Tests
# send both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the skipped tests would have shown."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{NOT_SHOWN}{count} tests: {reason}")
