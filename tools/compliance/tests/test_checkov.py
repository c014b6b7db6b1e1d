"""Nothing is left that Checkov objects to and nobody has explained."""

import pytest

from tools.compliance.__main__ import counts_table, part
from tools.compliance.findings import INSTALLED
from tools.compliance.review import REVIEWED, counts, found_by_checkov, stale, unexplained

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not INSTALLED.exists(), reason="`make compliance` installs Checkov"),
]


@pytest.mark.parametrize("topology", REVIEWED)
def test_every_finding_is_explained(topology: str) -> None:
    assert found_by_checkov()[topology]
    assert unexplained(found_by_checkov()[topology]) == []


def test_no_acknowledgement_is_stale() -> None:
    assert stale(found_by_checkov(), of_checkov=True) == []


def test_the_document_has_the_counts() -> None:
    """``make compliance`` writes them."""
    assert part("checkov").read() == counts_table(counts(found_by_checkov()))
