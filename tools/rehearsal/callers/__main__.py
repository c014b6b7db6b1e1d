"""What callers see of a delivery, at AWS's pace: ``python -m tools.rehearsal.callers``."""

from tools.command_line import run

import argparse
import sys

from cdk_rehearsal import ConsoleReport, Delays
from cdk_rehearsal.containers import NoEngineError
from tools.rehearsal.callers.measurement import measure
from tools.rehearsal.rehearse import FAILURES, find_engine, start
from tools.rehearsal.rehearsed_service import sample_service


def main() -> None:
    """Measure the sample; exit with 1 and the reason if a caller saw what it should not see."""
    parser = argparse.ArgumentParser(prog="python -m tools.rehearsal.callers", description=__doc__)
    parser.add_argument(
        "--working-tree",
        action="store_true",
        help="deliver the files as they are on disk, and not as they are committed",
    )
    given = parser.parse_args()
    report, delays = ConsoleReport(), Delays()
    service = sample_service(working_tree=given.working_tree)
    report.section("Start")
    report.say(
        f"At AWS's pace: Cloud Map acts on health after {delays.custom_health:g} s, DNS hears of"
        f" changes after {delays.records:g} s."
    )
    try:
        engine = find_engine(report, service)
        if engine is None:
            sys.exit("Nothing can be measured without a container engine.")
        with start(report, service, engine, delays, desired_count="3") as rehearsal:
            if rehearsal.containers is None:
                raise NoEngineError("the local AWS runs no containers")
            measure(rehearsal, rehearsal.containers)
    except FAILURES as error:
        sys.exit(f"\nThe measurement failed: {error}")
    report.end(f"{report.steps} steps in {report.seconds:.0f} s.")


if __name__ == "__main__":
    run(main, stopped="The measurement was interrupted; the local AWS is stopped.")
