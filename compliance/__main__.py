"""``python -m compliance``: write the generated parts of docs/compliance.md."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from compliance.acknowledgements import ACKNOWLEDGEMENTS
from compliance.checkov import INSTALLED
from compliance.document import acknowledgements_table, counts_table, part
from compliance.review import counts, found_by_cdk_nag, found_by_checkov, unexplained


def main() -> None:
    """Review every topology, and say what is not explained."""
    part("acknowledgements").write(acknowledgements_table(ACKNOWLEDGEMENTS))
    with _without_errors():
        reviews = {"cdk-nag": found_by_cdk_nag()}
    if INSTALLED.exists():
        reviews["checkov"] = found_by_checkov()
    found = {f for review in reviews.values() for of_one in review.values() for f in of_one}
    if left := unexplained(found):
        sys.exit("Not explained:\n" + "\n".join(map(str, sorted(left))))
    for name, review in reviews.items():
        table = counts_table(counts(review))
        part(name).write(table)
        print(f"{name}: found → left after acknowledgement\n{table}\n")


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
    main()
