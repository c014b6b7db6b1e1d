"""Rehearse the life of a service on a local AWS: ``python -m tools.rehearsal``."""

from tools.command_line import run

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cdk_rehearsal import ConsoleReport, RehearsalError
from settings import SettingsError
from tools.operations.account import OperationError
from tools.rehearsal.rehearse import FAILURES, rehearse
from tools.rehearsal.rehearsed_service import choose_service, sample_service
from tools.service_choice import NoSourceError, add_options


def main(arguments: Sequence[str] | None = None) -> None:
    """Rehearse the chosen service; exit with 1 and the reason at the first failure."""
    parser = argparse.ArgumentParser(prog="python -m tools.rehearsal", description=__doc__)
    add_options(parser)
    parser.add_argument("--source", help="the repository of the service")
    parser.add_argument(
        "--sample", action="store_true", help="rehearse the sample, also if there is an .env"
    )
    parser.add_argument(
        "--working-tree",
        action="store_true",
        help="deliver the files as they are on disk, and not as they are committed",
    )
    parser.add_argument(
        "--without-engine",
        action="store_true",
        help="use no container engine: tasks are records, and builds are pretended",
    )
    parser.add_argument("--permissions", type=Path, help="write what each role was used for here")
    given = parser.parse_args(arguments)
    try:
        service = (
            sample_service(working_tree=given.working_tree)
            if given.sample
            else choose_service(
                given.env_file, given.service, given.source, working_tree=given.working_tree
            )
        )
    except SettingsError as error:
        sys.exit(str(error))
    except (OperationError, NoSourceError, RehearsalError) as error:
        sys.exit(f"error: {error}")
    try:
        rehearse(
            ConsoleReport(),
            service,
            with_engine=not given.without_engine,
            permissions_file=given.permissions,
        )
    except FAILURES as error:
        sys.exit(f"\nThe rehearsal failed: {error}")


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
