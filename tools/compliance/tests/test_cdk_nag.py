"""Nothing is left that cdk-nag objects to and nobody has explained."""

from pathlib import Path

import pytest

from tools.compliance.__main__ import acknowledgements_table, counts_table, part
from tools.compliance.acknowledgements import ACKNOWLEDGEMENTS
from tools.compliance.findings import PACKS, nag_findings
from tools.compliance.review import (
    REVIEWED,
    acknowledge,
    counts,
    found_by_cdk_nag,
    reviewed_app,
    stale,
    unexplained,
)

SHORTEST_REASON = 60


@pytest.mark.parametrize("topology", REVIEWED)
def test_every_finding_is_explained(topology: str) -> None:
    assert unexplained(found_by_cdk_nag()[topology]) == []


@pytest.mark.parametrize("topology", REVIEWED)
def test_nothing_is_left_once_cdk_knows_the_acknowledgements(topology: str, tmp_path: Path) -> None:
    """The second opinion: CDK's own mechanism, at the resources themselves."""
    app = reviewed_app(topology, tmp_path)
    acknowledge(app, found_by_cdk_nag()[topology], ACKNOWLEDGEMENTS)
    assert nag_findings(app) == []


def test_both_rule_packs_have_looked() -> None:
    for of_topology in counts(found_by_cdk_nag()).values():
        assert set(of_topology) == set(PACKS)


def test_no_rule_gave_up() -> None:
    """A rule that meets a reference reports an error in place of a judgement."""
    rules = {finding.rule for found in found_by_cdk_nag().values() for finding in found}
    assert not {rule for rule in rules if "EC2" in rule}


def test_no_acknowledgement_is_stale() -> None:
    assert stale(found_by_cdk_nag(), of_checkov=False) == []


def test_no_finding_has_two_explanations() -> None:
    for found in found_by_cdk_nag().values():
        for finding in found:
            assert sum(entry.covers(finding) for entry in ACKNOWLEDGEMENTS) == 1, finding


def test_every_acknowledgement_names_resources_and_gives_a_reason() -> None:
    for entry in ACKNOWLEDGEMENTS:
        assert len(entry.reason) >= SHORTEST_REASON, entry
        for construct in entry.constructs:
            assert not construct.startswith("*"), entry
            assert construct.endswith(("/Resource", "/Handler", "/DefaultRoute")), entry


def test_the_document_has_the_table_of_acknowledgements() -> None:
    """``make compliance`` writes it."""
    assert part("acknowledgements").read() == acknowledgements_table(ACKNOWLEDGEMENTS)


def test_the_document_has_the_counts() -> None:
    """``make compliance`` writes them."""
    assert part("cdk-nag").read() == counts_table(counts(found_by_cdk_nag()))
