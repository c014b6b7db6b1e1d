"""How an acknowledgement and a finding are matched."""

from tools.compliance.acknowledgements import Acknowledgement
from tools.compliance.findings import Finding

PATH = "Delivery/Role/Resource"
ENTRY = Acknowledgement(
    rules=("A", "B"), constructs=("Delivery/…",), details=("Action::s3:Get…",), reason="because"
)


def test_it_covers_what_it_names() -> None:
    assert ENTRY.covers(Finding("tool", "A", PATH, "Action::s3:GetObject*"))


def test_it_covers_no_other_rule_resource_or_detail() -> None:
    assert not ENTRY.covers(Finding("tool", "C", PATH, "Action::s3:GetObject*"))
    assert not ENTRY.covers(Finding("tool", "A", "Other/Role", "Action::s3:GetObject*"))
    assert not ENTRY.covers(Finding("tool", "A", PATH, "Action::s3:PutObject"))


def test_without_details_it_covers_the_rule_only_and_no_detailed_finding() -> None:
    plain = Acknowledgement(rules=("A",), constructs=("Delivery/…",), reason="because")
    assert plain.covers(Finding("tool", "A", PATH))
    assert not plain.covers(Finding("tool", "A", PATH, "Action::s3:GetObject*"))


def test_a_star_is_a_star() -> None:
    entry = Acknowledgement(
        rules=("A",), constructs=(PATH,), details=("Resource::*",), reason="because"
    )
    assert entry.covers(Finding("tool", "A", PATH, "Resource::*"))
    assert not entry.covers(Finding("tool", "A", PATH, "Resource::arn:aws:s3:::everything/*"))


def test_each_case_has_to_match_something() -> None:
    found = [Finding("tool", "A", PATH, "Action::s3:GetObject*")]
    assert ENTRY.stale(found) == [("B", "Delivery/…", "Action::s3:Get…")]


def test_a_finding_of_cdk_nag_keeps_its_name() -> None:
    finding = Finding.of_cdk_nag("Pack", "Pack-IAM5[Resource::<Bucket.Arn>/*]", f"Stack/{PATH}")
    assert finding == Finding("Pack", "Pack-IAM5", PATH, "Resource::<Bucket.Arn>/*")
    assert finding.acknowledgment_id == "Pack::Pack-IAM5[Resource::<Bucket.Arn>/*]"
