"""Rehearse a service of your own: ``python -m tools.rehearsal.own_service``."""

from tools.command_line import run

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from settings import SettingsError, load_deployment
from tools.container_engine import EngineError, NoEngineError
from tools.local_aws import LocalAwsError
from tools.operations.account import OperationError
from tools.operations.service import choose
from tools.rehearsal.console_report import ConsoleReport
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.own_service.rehearse import OwnService, rehearse
from tools.rehearsal.pipeline.source_tree import top_of
from tools.repository import ROOT

_FAILURES = (
    *(RehearsalError, LocalAwsError, EngineError, NoEngineError),
    *(BotoCoreError, ClientError),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it; exit with 1 and the reason at the first thing that is not right."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.rehearsal.own_service", description=__doc__
    )
    parser.add_argument("--env-file", default=".env", help="settings; several, comma-separated")
    parser.add_argument("--source", type=Path, help="the repository of the service (this one)")
    parser.add_argument("--service", help="the service_name of one, if there are several files")
    parser.add_argument(
        "--working-tree",
        action="store_true",
        help="deliver the files as they are on disk, and not as they are committed",
    )
    given = parser.parse_args(arguments)
    try:
        deployment = load_deployment(given.env_file)
        own = OwnService(
            deployment=deployment,
            settings=choose(deployment, given.service),
            repository=top_of(given.source) if given.source else ROOT,
            working_tree=given.working_tree,
        )
        rehearse(ConsoleReport(), own)
    except SettingsError as error:
        sys.exit(str(error))
    except OperationError as error:
        sys.exit(f"error: {error}")
    except _FAILURES as error:
        sys.exit(f"\nThe rehearsal failed: {error}")


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
