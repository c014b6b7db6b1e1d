"""Compare ``npx cdk ls`` of the blueprint with an empty CDK app: ``python -m tools.bench``.

The apps run in turns, so that a busy moment of the machine hits all of them. The output has ratios
to the empty app, because seconds say more about the machine than about the app.
"""

from tools.command_line import run

import argparse
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cdk_rehearsal import ScratchDirectory
from settings.examples import sample_env
from tools.bench.apps import MeasuredApp, check_out, empty_app
from tools.repository import ROOT

_ROUNDS = 5


def main() -> None:
    """Measure and print the ratios."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument(
        "--against",
        metavar="REVISION",
        help="also measure this revision, with the packages that are installed now",
    )
    given = parser.parse_args()
    with ScratchDirectory("bench") as scratch:
        apps = _apps(scratch.path, given.against)
        seconds = measure(apps, _ROUNDS, scratch.path / "cdk.out")
    print("\n".join(table(seconds)))


def _apps(folder: Path, against: str | None) -> list[MeasuredApp]:
    settings = folder / "sample.env"
    settings.write_text(sample_env(), encoding="utf-8")
    apps = [
        empty_app(folder / "empty"),
        MeasuredApp(name="a core and a service", folder=ROOT, env_file=settings),
    ]
    if against:
        there = check_out(against, ROOT, folder / "revision")
        apps.append(MeasuredApp(name=f"the same at {against}", folder=there, env_file=settings))
    return apps


def measure(
    apps: Sequence[MeasuredApp], rounds: int, output: Path
) -> Mapping[str, Sequence[float]]:
    """Run every app once in each round; return the seconds by the name of the app.

    One more round at the beginning fills the caches and does not count.
    """
    seconds: dict[str, list[float]] = {app.name: [] for app in apps}
    for number in range(rounds + 1):
        print(f"Round {number} of {rounds}", file=sys.stderr, flush=True)
        for app in apps:
            took = app.seconds_of_cdk_ls(output)
            if number:
                seconds[app.name].append(took)
    return seconds


def table(seconds: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Yield a Markdown table with the ratio of each app to the first one."""
    first, *_ = (statistics.median(each) for each in seconds.values())
    yield "| npx cdk ls of | time | spread |"
    yield "|---|---:|---:|"
    for name, each in seconds.items():
        spread = max(each) - min(each)
        yield f"| {name} | {statistics.median(each) / first:.2f} | {spread / first:.2f} |"


if __name__ == "__main__":
    run(main)
