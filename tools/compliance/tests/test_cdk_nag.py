"""Nothing is left that cdk-nag objects to and nobody has explained."""

from collections.abc import Mapping

import pytest
from aws_cdk import App

from tools.compliance.__main__ import acknowledgements_table, counts_table, part
from tools.compliance.acknowledgements import ACKNOWLEDGEMENTS
from tools.compliance.findings import PACKS, nag_findings
from tools.compliance.review import (
    REVIEWED,
    Findings,
    acknowledge,
    counts,
    found_by_cdk_nag,
    reviewed_apps,
    stale,
    unexplained,
)

SHORTEST_REASON = 60


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, App]:
    return reviewed_apps(tmp_path_factory.mktemp("reviewed"))


@pytest.fixture(scope="module")
def found(apps: Mapping[str, App]) -> Findings:
    return found_by_cdk_nag(apps)


@pytest.mark.parametrize("topology", REVIEWED)
def test_every_finding_is_explained(topology: str, found: Findings) -> None:
    assert unexplained(found[topology]) == []


@pytest.mark.parametrize("topology", REVIEWED)
def test_nothing_is_left_once_cdk_knows_the_acknowledgements(
    topology: str, apps: Mapping[str, App], found: Findings
) -> None:
    """The second opinion: CDK's own mechanism, at the resources themselves."""
    acknowledge(apps[topology], found[topology], ACKNOWLEDGEMENTS)
    assert nag_findings(apps[topology]) == []


def test_both_rule_packs_have_looked(found: Findings) -> None:
    for of_topology in counts(found).values():
        assert set(of_topology) == set(PACKS)


def test_no_rule_gave_up(found: Findings) -> None:
    """A rule that meets a reference reports an error in place of a judgement."""
    rules = {finding.rule for of_topology in found.values() for finding in of_topology}
    assert not {rule for rule in rules if "EC2" in rule}


def test_no_acknowledgement_is_stale(found: Findings) -> None:
    assert stale(found, of_checkov=False) == []


def test_no_finding_has_two_explanations(found: Findings) -> None:
    for of_topology in found.values():
        for finding in of_topology:
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


def test_the_document_has_the_counts(found: Findings) -> None:
    """``make compliance`` writes them."""
    assert part("cdk-nag").read() == counts_table(counts(found))
