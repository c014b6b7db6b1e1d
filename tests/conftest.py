"""Which tests are slow: those that start a process of more than a moment."""

import sys
from pathlib import Path

import pytest

SLOW_FOLDERS = ("image", "rehearsal")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in the slow folders."""
    tests = Path(__file__).parent
    for item in items:
        if (
            item.path.is_relative_to(tests)
            and item.path.relative_to(tests).parts[0] in SLOW_FOLDERS
        ):
            item.add_marker(pytest.mark.slow)


MOST_SYNTHESES = 60
"""How often one run may synthesise the app for settings of its own; each takes half a second."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that synthesises more topologies than are worth waiting for."""
    synthesis = sys.modules.get("tests.synthesis")
    if synthesis is not None and synthesis.syntheses() > MOST_SYNTHESES:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{synthesis.syntheses()} syntheses in one run; at most {MOST_SYNTHESES}")
