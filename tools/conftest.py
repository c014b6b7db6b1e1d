"""Which tests of the tools are slow, in which order they run, and what they do not show."""

import os
import pty
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tools.terminal import NOT_SHOWN

TOOLS = Path(__file__).parent
SLOW_FOLDERS = (TOOLS / "local_aws" / "tests", TOOLS / "container_engine" / "tests")
"""What is in these starts a process of more than a moment."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in the slow folders, and begin with what waits longest."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
    # Containers wait for most of a minute: begun first, they keep nobody waiting at the end.
    items.sort(key=lambda item: "containers" not in item.path.parts)


@pytest.fixture(scope="session")
def terminals() -> None:
    """Skip where no pseudo-terminal can be had: a root directory of its own may have none."""
    try:
        opened = pty.openpty()
    except OSError as error:
        pytest.skip(f"what is done with a terminal: {error}")
    for descriptor in opened:
        os.close(descriptor)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what is not shown because tests were skipped; `make test` repeats it at its end."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{NOT_SHOWN}{count} tests: {reason}")
