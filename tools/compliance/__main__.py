"""Review every topology with cdk-nag: ``python -m tools.compliance``.

It prints how many findings there are and the reason for each finding that stays. A finding without
a reason is an error.
"""

from tools.command_line import run

import argparse
import os
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cdk_rehearsal import ScratchDirectory
from tools.compliance.acknowledgements import read_acknowledgements
from tools.compliance.review import PACKS, Finding, review

_WIDTH = 100


def main() -> None:
    """Review, and print the number of findings and the reasons."""
    argparse.ArgumentParser(prog="python -m tools.compliance", description=__doc__).parse_args()
    with ScratchDirectory("compliance") as scratch, _without_error_output():
        found = review(scratch.path)
    acknowledgements = read_acknowledgements()
    everything = sorted({finding for findings in found.values() for finding in findings})
    unexplained = [f for f in everything if not any(a.covers(f) for a in acknowledgements)]
    if unexplained:
        sys.exit("error: no reason for\n" + "\n".join(map(str, unexplained)))
    print("\n".join(_counts_table(found)))
    for entry in acknowledgements:
        print(f"\n{', '.join(entry.rules)}")
        for construct in entry.constructs:
            print(f"- {construct}")
        for detail in filter(None, entry.details):
            print(f"- {detail}")
        print(textwrap.fill(entry.reason, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _counts_table(found: Mapping[str, list[Finding]]) -> Iterator[str]:
    yield f"| topology | {' | '.join(PACKS)} |"
    yield f"|---|{'---|' * len(PACKS)}"
    for topology, findings in found.items():
        counts = Counter(finding.pack for finding in findings)
        yield f"| {topology} | {' | '.join(str(counts[pack]) for pack in PACKS)} |"


@contextmanager
def _without_error_output() -> Iterator[None]:
    """Hide what the Node process of CDK prints: each finding, explained or not."""
    shown, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        os.close(nowhere)


if __name__ == "__main__":
    run(main)
