"""How the tests of the product run: what is imported stays, and few topologies are synthesised."""

import gc
import sys
from typing import Any

import pytest


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what the imports have made: all of aws_cdk."""
    gc.freeze()


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
