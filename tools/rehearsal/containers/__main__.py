"""Tasks as containers, alone: ``python -m tools.rehearsal.containers``."""

from tools.command_line import run, whole_number

import argparse
import sys
from pathlib import Path

from tools.container_engine import EngineError, NoEngineError
from tools.local_aws import NO_DELAYS, Delays, LocalAwsError
from tools.rehearsal import containers
from tools.rehearsal.console_report import ConsoleReport
from tools.rehearsal.containers.tasks_as_containers import CHART
from tools.rehearsal.expectation import RehearsalError


def main() -> None:
    """Run it; exit with 1 and the reason at the first thing that is not as it should be."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.rehearsal.containers", description=__doc__
    )
    parser.add_argument("--chart", type=Path, default=CHART, help="where the chart goes")
    parser.add_argument(
        "--drain", type=whole_number(0), help="another draining time, in seconds, to compare"
    )
    parser.add_argument(
        "--tasks", type=whole_number(1), default=3, help="how many tasks the backend has"
    )
    parser.add_argument(
        "--without-delays",
        action="store_true",
        help="Cloud Map and DNS are never late, as they are on AWS: quick, and too good to be true",
    )
    parser.add_argument(
        "--where-possible",
        action="store_true",
        help="without a container engine, only say what is not shown",
    )
    parser.add_argument(
        "--working-tree",
        action="store_true",
        help="deliver the files as they are on disk, and not as they are committed",
    )
    given = parser.parse_args()
    report = ConsoleReport()
    try:
        rehearse(report, given)
    except (RehearsalError, LocalAwsError, EngineError, NoEngineError) as error:
        sys.exit(f"\nThe rehearsal failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nThe rehearsal was interrupted; the local AWS is stopped.")


def rehearse(report: ConsoleReport, given: argparse.Namespace) -> None:
    """Run it, or say what is missing."""
    try:
        engine = containers.available()
    except NoEngineError as reason:
        if not given.where_possible:
            sys.exit(f"Nothing can be shown: {reason}")
        containers.leave_out(report, reason)
        report.end("Tasks as containers: not run.")
        return
    containers.run(
        report,
        engine,
        working_tree=given.working_tree,
        delays=NO_DELAYS if given.without_delays else Delays(),
        tasks=given.tasks,
        chart=given.chart,
        drain_seconds=given.drain,
    )
    report.end(f"{report.steps} steps in {report.seconds:.0f} s.")


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
