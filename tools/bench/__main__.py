"""Measure the blueprint: ``python -m tools.bench [--rounds N] [--against REVISION [--tests]]``."""

from tools.command_line import run, whole_number

import argparse
import sys

from tools.bench import apps, revisions
from tools.bench.results import Series, measure, table, write_chart, write_json
from tools.generated_part import GeneratedPart
from tools.local_aws.scratch import ScratchDirectory
from tools.progress.terminal import LiveLine
from tools.repository import ROOT

FLOOR = "npx cdk ls: an empty app"
MOST_SERVICES = 20  # on one core: IAM's limit for its execution role is not far above


def main() -> None:
    """Measure, and write ratios to an empty CDK app to docs/performance.{json,md,svg}."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument(
        "--rounds", type=whole_number(1), default=5, help="how often each thing is measured"
    )
    parser.add_argument(
        "--against",
        metavar="REVISION",
        help="also install, rehearse twice, and do so for another commit, in turns: minutes",
    )
    parser.add_argument(
        "--tests", action="store_true", help="with --against: also make test, half an hour"
    )
    arguments = parser.parse_args()
    if arguments.tests and not arguments.against:
        parser.error("--tests is for --against")
    try:
        other = revisions.commit_of(ROOT, arguments.against) if arguments.against else ""
        _measure(arguments.rounds, other, tests=arguments.tests)
    except revisions.RevisionError as error:
        sys.exit(f"error: {error}")


def _measure(rounds: int, other: str, *, tests: bool) -> None:
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
        series = measure(cases, rounds=rounds, progress=progress)
        split = apps.phases(folder / "core" / "0.env", folder / "cdk.out")
    lines = "\n".join(table(series, FLOOR))
    print(lines)
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
    if other:
        parts["against"] = _against(other, tests=tests, progress=progress)
    GeneratedPart("performance.md", "measured").write(lines)
    write_json(ROOT / "docs" / "performance.json", parts)
    write_chart(ROOT / "docs" / "performance.svg", series, FLOOR)


def _seconds_for_each_more(series: dict[str, Series]) -> float:
    one = series["python app.py: a core and a service"].median
    most = series[f"python app.py: a core and {MOST_SERVICES} services"].median
    return (most - one) / (MOST_SERVICES - 1)


def _against(there: str, *, tests: bool, progress: LiveLine) -> dict[str, object]:
    """Measure the commit that is checked out beside another one; return and print the ratios."""
    here = revisions.commit_of(ROOT, "HEAD")
    with ScratchDirectory("revisions") as scratch:
        taken = revisions.compare(ROOT, [there, here], scratch.path, tests=tests, progress=progress)
    ratios = revisions.ratios(taken[here], taken[there])
    for what, kinds in ratios.items():
        said = ", ".join(f"{kind} {ratio:.2f}" for kind, ratio in kinds.items())
        print(f"{what}, against {there[:7]}: {said}")
    return {"commit": there, "ratio": ratios}


if __name__ == "__main__":
    run(main)
