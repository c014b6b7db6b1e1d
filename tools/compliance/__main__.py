"""``python -m tools.compliance``: write the generated parts of docs/compliance.md."""

from tools.command_line import run

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tools.compliance.acknowledgements import ACKNOWLEDGEMENTS, Acknowledgement
from tools.compliance.findings import INSTALLED
from tools.compliance.review import (
    Counts,
    counts,
    found_by_cdk_nag,
    found_by_checkov,
    reviewed_apps,
    unexplained,
)
from tools.generated_part import GeneratedPart
from tools.local_aws.scratch import ScratchDirectory


def main() -> None:
    """Review every topology, and say what is not explained."""
    argparse.ArgumentParser(prog="python -m tools.compliance", description=__doc__).parse_args()
    part("acknowledgements").write(acknowledgements_table(ACKNOWLEDGEMENTS))
    with ScratchDirectory("compliance") as scratch:
        with _without_errors():
            apps = reviewed_apps(scratch.path / "cdk-nag")
            reviews = {"cdk-nag": found_by_cdk_nag(apps)}
        if INSTALLED.exists():
            reviews["checkov"] = found_by_checkov(reviewed_apps(scratch.path / "checkov"))
    found = {f for review in reviews.values() for of_one in review.values() for f in of_one}
    if left := unexplained(found):
        sys.exit("Not explained:\n" + "\n".join(map(str, sorted(left))))
    for name, review in reviews.items():
        table = counts_table(counts(review))
        part(name).write(table)
        print(f"{name}: found → left after acknowledgement\n{table}\n")


def part(name: str) -> GeneratedPart:
    """Return a generated part of docs/compliance.md."""
    return GeneratedPart("compliance.md", name)


def acknowledgements_table(table: Iterable[Acknowledgement]) -> str:
    """Return the table of what stays, and why."""
    rows = ["| rule | resource (below its stack) | why it stays |", "|---|---|---|"]
    for entry in table:
        rules = [_code(rule) for rule in entry.rules]
        details = [_code(detail) for detail in entry.details if detail]
        what = "<br>".join([*rules, *(f"· {detail}" for detail in details)])
        where = "<br>".join(_code(construct) for construct in entry.constructs)
        rows.append(f"| {what} | {where} | {entry.reason} |")
    return "\n".join(rows)


def counts_table(counts: Counts) -> str:
    """Return the table of findings by topology: found, and left after acknowledgement."""
    tools = sorted({tool for of_topology in counts.values() for tool in of_topology})
    rows = [f"| topology | {' | '.join(tools)} |", f"|---|{'---|' * len(tools)}"]
    for topology, of_topology in counts.items():
        cells = (f"{of_topology.get(tool, 0)} → 0" for tool in tools)
        rows.append(f"| {topology} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


@contextmanager
def _without_errors() -> Iterator[None]:
    """Keep CDK from printing each finding, acknowledged or not, from its own process."""
    shown = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        yield
    finally:
        os.dup2(shown, 2)


if __name__ == "__main__":
    run(main)
