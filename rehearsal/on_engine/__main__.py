"""Only this chapter: ``python -m rehearsal.on_engine [--chart FILE.svg] [--drain SECONDS]``."""

from tools.command_line import run

import argparse
import sys
from pathlib import Path

from rehearsal.container_engine import EngineError, NoEngineError
from rehearsal.expectation import RehearsalError
from rehearsal.local_aws import LocalAwsError
from rehearsal.narration import Narrator
from rehearsal.on_engine.play import CHART, play


def main() -> None:
    """Play it; exit with 1 and the reason at the first thing that is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.on_engine", description=__doc__)
    parser.add_argument("--chart", type=Path, default=CHART, help="where the chart goes")
    parser.add_argument("--drain", type=int, help="another draining time, in seconds, to compare")
    given = parser.parse_args()
    narrator = Narrator()
    try:
        play(narrator, chart=given.chart, drain_seconds=given.drain)
    except (RehearsalError, LocalAwsError, EngineError, NoEngineError) as error:
        sys.exit(f"\nThe rehearsal failed: {error}")
    narrator.say(f"\n{narrator.steps} steps in {narrator.seconds:.0f} s.")


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
