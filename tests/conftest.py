"""Which tests are slow: those that start a process of more than a moment."""

import gc
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from progress.side_by_side import NOT_SHOWN

SLOW_FOLDERS = ("image", "rehearsal")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in the slow folders, and begin with what waits longest."""
    tests = Path(__file__).parent
    for item in items:
        if (
            item.path.is_relative_to(tests)
            and item.path.relative_to(tests).parts[0] in SLOW_FOLDERS
        ):
            item.add_marker(pytest.mark.slow)
    # Containers wait for most of a minute: begun first, they keep nobody waiting at the end.
    items.sort(key=lambda item: "on_engine" not in item.path.parts)


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what the imports have made: all of aws_cdk."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what is not shown because tests were skipped; `make test` repeats it at its end."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{NOT_SHOWN}{count} tests: {reason}")


MOST_SYNTHESES = 20
"""How often one process may synthesise the app for settings of its own; each takes half a second.
"""

_by_processes: list[int] = []


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Note what a process that ran tests for this one has synthesised."""
    if output := getattr(node, "workeroutput", None):  # A process that crashed has left none.
        _by_processes.append(output["syntheses"])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that synthesises more topologies than are worth waiting for."""
    synthesis = sys.modules.get("tests.synthesis")
    here = synthesis.syntheses() if synthesis is not None else 0
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["syntheses"] = here
        return
    most = max([here, *_by_processes])
    if most > MOST_SYNTHESES:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{most} syntheses in one process; at most {MOST_SYNTHESES}")
