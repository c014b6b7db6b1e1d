"""Nothing is left that Checkov objects to and nobody has explained."""

import pytest

from tools.compliance.__main__ import counts_table, part
from tools.compliance.findings import INSTALLED
from tools.compliance.review import (
    REVIEWED,
    Findings,
    counts,
    found_by_checkov,
    reviewed_apps,
    stale,
    unexplained,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not INSTALLED.exists(), reason="`make compliance` installs Checkov"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return found_by_checkov(reviewed_apps(tmp_path_factory.mktemp("reviewed")))


@pytest.mark.parametrize("topology", REVIEWED)
def test_every_finding_is_explained(topology: str, found: Findings) -> None:
    assert found[topology]
    assert unexplained(found[topology]) == []


def test_no_acknowledgement_is_stale(found: Findings) -> None:
    assert stale(found, of_checkov=True) == []


def test_the_document_has_the_counts(found: Findings) -> None:
    """``make compliance`` writes them."""
    assert part("checkov").read() == counts_table(counts(found))
