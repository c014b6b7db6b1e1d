"""Every finding of cdk-nag has one explanation, and every explanation has a finding."""

from collections.abc import Mapping

import pytest

from settings.examples import TOPOLOGIES
from tools.compliance.acknowledgements import Acknowledgement, read_acknowledgements
from tools.compliance.review import PACKS, Finding, review

CONSTRUCT = "Delivery/Role/Resource"
ENTRY = Acknowledgement(
    rules=("A", "B"), constructs=("Delivery/…",), details=("Resource::*",), reason="because"
)

Findings = Mapping[str, list[Finding]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return review(tmp_path_factory.mktemp("reviewed"))


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_finding_has_exactly_one_explanation(topology: str, found: Findings) -> None:
    entries = read_acknowledgements()
    explanations = {f: sum(entry.covers(f) for entry in entries) for f in found[topology]}
    assert {f: count for f, count in explanations.items() if count != 1} == {}


def test_every_explanation_has_a_finding(found: Findings) -> None:
    everything = {finding for findings in found.values() for finding in findings}
    stale = [case for entry in read_acknowledgements() for case in entry.stale_cases(everything)]
    assert stale == []


def test_both_packs_judge_every_topology(found: Findings) -> None:
    for findings in found.values():
        assert {finding.pack for finding in findings} == set(PACKS)


def test_the_rules_about_security_groups_can_read_their_values(found: Findings) -> None:
    """For a value that is a reference, cdk-nag reports an error instead of a judgement."""
    rules = {finding.rule for findings in found.values() for finding in findings}
    assert not {rule for rule in rules if "EC2" in rule}


@pytest.mark.parametrize(
    ("rule", "construct", "detail", "covered"),
    [
        ("A", CONSTRUCT, "Resource::*", True),
        ("C", CONSTRUCT, "Resource::*", False),
        ("A", "Other/Role", "Resource::*", False),
        ("A", CONSTRUCT, "Resource::arn:aws:s3:::bucket/*", False),
        ("A", CONSTRUCT, "", False),
    ],
)
def test_an_explanation_covers_what_it_names_and_nothing_else(
    rule: str, construct: str, detail: str, *, covered: bool
) -> None:
    assert ENTRY.covers(Finding("pack", rule, construct, detail)) == covered


def test_a_combination_without_a_finding_is_stale() -> None:
    found = {Finding("pack", "A", CONSTRUCT, "Resource::*")}
    assert ENTRY.stale_cases(found) == [("B", "Delivery/…", "Resource::*")]


def test_a_finding_of_the_report_is_split_into_rule_and_detail() -> None:
    finding = Finding.from_report("P", "P-IAM5[Resource::<Bucket.Arn>/*]", f"Stack/{CONSTRUCT}")
    assert finding == Finding("P", "P-IAM5", CONSTRUCT, "Resource::<Bucket.Arn>/*")
