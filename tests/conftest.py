"""Which tests are slow: those that start a process of more than a moment."""

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
