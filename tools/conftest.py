"""Marks the slow tests of the tools, and orders them."""

import signal
from pathlib import Path

import pytest

# A shell lets background processes (``make test &``) ignore Ctrl-C and a closed terminal. Tests
# send both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

TOOLS = Path(__file__).parent
SLOW_FOLDERS = (TOOLS / "local_aws" / "tests", TOOLS / "container_engine" / "tests")
"""Tests in these folders start processes that take seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the slow folders, and run the tests with containers first."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
    # They wait for most of a minute; at the end they would keep the other processes idle.
    items.sort(key=lambda item: "containers" not in item.path.parts)
