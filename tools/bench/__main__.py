"""Measure the blueprint: ``python -m tools.bench [--rounds N] [--suite]``."""

from tools.command_line import run, whole_number

import argparse
import os
import re
import subprocess
import sys
import time

from settings.examples import ROOT
from tools.bench import apps
from tools.bench.results import Series, measure, table, write_chart, write_json
from tools.local_aws.scratch import ScratchDirectory
from tools.progress.terminal import LiveLine

FLOOR = "npx cdk ls: an empty app"
MOST_SERVICES = 20  # on one core: IAM's limit for its execution role is not far above
STEP = re.compile(r"^  ✓ +(?:(\d+\.\d) s)? +(.*?)(?:  .*)?$")


def main() -> None:
    """Measure, print ratios to an empty CDK app, and write docs/performance.{json,svg}."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument(
        "--rounds", type=whole_number(1), default=5, help="how often each thing is measured"
    )
    parser.add_argument(
        "--suite", action="store_true", help="also run the tests and the rehearsal, once each"
    )
    arguments = parser.parse_args()
    with ScratchDirectory("bench") as scratch:
        folder = scratch.path
        measured = [
            apps.floor(folder / "floor"),
            apps.core(folder / "core"),
            apps.imported(folder / "imported"),
            apps.fleet(folder / "one-core", MOST_SERVICES),
            apps.fleet(folder / "five-cores", 5 * MOST_SERVICES, cores=5),
        ]
        cases = {f"npx cdk ls: {app.name}": app.cdk_ls for app in measured}
        cases |= {f"python app.py: {app.name}": app.alone for app in measured}
        progress = LiveLine(sys.stderr)
        series = measure(cases, rounds=arguments.rounds, progress=progress)
        split = apps.phases(folder / "core" / "0.env", folder / "cdk.out")
    print("\n".join(table(series, FLOOR)))
    more = _seconds_for_each_more(series)
    print(
        f"\nOne more service: {more * 1000:.0f} ms of synthesis, "
        f"{more / series[FLOOR].median:.3f} of an empty app"
    )
    total = sum(split.values())
    for phase, seconds in split.items():
        print(f"  {seconds / total:4.0%} {phase}")
    parts: dict[str, object] = {
        "ratio_to_floor": {n: s.median / series[FLOOR].median for n, s in series.items()},
        "memory_to_floor": {n: s.memory / series[FLOOR].memory for n, s in series.items()},
        "share_of_phases": {phase: seconds / total for phase, seconds in split.items()},
    }
    if arguments.suite:
        suite = parts["suite_seconds"] = _suite(progress)
        for what, seconds in suite.items():
            print(f"  {seconds:6.1f} s {what}")
    write_json(ROOT / "docs" / "performance.json", parts)
    write_chart(ROOT / "docs" / "performance.svg", series, FLOOR)


def _seconds_for_each_more(series: dict[str, Series]) -> float:
    one = series["python app.py: a core and a service"].median
    most = series[f"python app.py: a core and {MOST_SERVICES} services"].median
    return (most - one) / (MOST_SERVICES - 1)


def _suite(progress: LiveLine) -> dict[str, float]:
    """Return the seconds of both halves of the tests and of each step of the rehearsal."""
    seconds = {}
    for name, expression in (("fast tests", "not slow"), ("slow tests", "slow")):
        progress.show(f"  … {name}")
        began = time.perf_counter()
        _python("-m", "pytest", "-q", "-m", expression)
        seconds[name] = time.perf_counter() - began
    progress.show("  … rehearsal")
    began = time.perf_counter()
    report = _python("-m", "tools.rehearsal")
    seconds["rehearsal"] = time.perf_counter() - began
    progress.clear()
    steps = (STEP.match(line) for line in report.splitlines())
    return seconds | {f"- {s[2]}": float(s[1]) for s in steps if s and s[1]}


def _python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},  # STEP has a tick
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return done.stdout


if __name__ == "__main__":
    run(main)
