"""Ask both evaluators the same random questions: ``python -m tools.iam_oracle MODULES``.

MODULES is the folder with the `node_modules` of the independent evaluator, which runs in a process
of its own. Every difference that is not in `LISTED` is printed, and ends it with 1. The questions
follow from ``--seed``.
"""

from tools.command_line import run

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tools.iam_oracle.questions import question

_ASK = Path(__file__).with_name("ask.mjs")
_SHOWN = 5


def main() -> int:
    """Ask, compare and print; 1 if a difference is not listed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", type=Path)
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--count", type=int, default=6000)
    given = parser.parse_args()
    # Not for secrets: the same questions each time.
    dice = random.Random(given.seed)  # noqa: S311
    questions = [question(dice) for _ in range(given.count)]
    verdicts = _ask(given.modules, [each.simulation() for each in questions])
    tally: Counter[str] = Counter()
    wrong = []
    for each, verdict in zip(questions, verdicts, strict=True):
        ours = each.ours()
        if ours == (verdict == "Allowed") and verdict in _VERDICTS:
            tally["allowed" if ours else "denied"] += 1
        elif reason := each.listed():
            tally[reason] += 1
        else:
            wrong.append((each, ours, verdict))
    for what, count in sorted(tally.items()):
        print(f"{count:6}  {what}")
    for each, ours, verdict in wrong[:_SHOWN]:
        print(f"\nours {ours}, theirs {verdict}:\n{json.dumps(each.simulation(), indent=1)}")
    print(f"\n{len(wrong)} differences that are not listed (seed {given.seed}).")
    return 1 if wrong else 0


_VERDICTS = ("Allowed", "ExplicitlyDenied", "ImplicitlyDenied")


def _ask(modules: Path, simulations: list[dict[str, Any]]) -> list[str]:
    done = subprocess.run(
        ["node", str(_ASK), str(modules.resolve() / "package.json")],
        input=json.dumps(simulations),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"The independent evaluator failed:\n{done.stderr}")
    verdicts: list[str] = json.loads(done.stdout)
    return verdicts


if __name__ == "__main__":
    run(main)
