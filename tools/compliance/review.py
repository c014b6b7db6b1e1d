"""What the tools find, held against the table of acknowledgements."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from aws_cdk import Acknowledgment, App, Validations

from app import make_app
from settings.examples import CONNECTED, EXISTING, ISOLATED, TOPOLOGIES, example_deployment
from tools.compliance.acknowledgements import ACKNOWLEDGEMENTS, Acknowledgement
from tools.compliance.findings import (
    Finding,
    add_nag_rules,
    below_stack,
    checkov_findings,
    nag_findings,
)

REVIEWED: Mapping[str, Mapping[str, str]] = {
    **TOPOLOGIES,
    "isolated, connected": {**ISOLATED, **CONNECTED},
    "existing, connected": {**EXISTING, **CONNECTED},
}
"""The topologies that are reviewed: all of them, and their richest combinations."""

Findings = Mapping[str, list[Finding]]
"""By topology."""

Counts = Mapping[str, Mapping[str, int]]
"""How many findings, by topology and tool."""


def found_by_cdk_nag(apps: Mapping[str, App]) -> Findings:
    """Give the reviewed apps the rules of cdk-nag; return what it finds, acknowledged or not."""
    for app in apps.values():
        add_nag_rules(app)
    return {topology: nag_findings(app) for topology, app in apps.items()}


def found_by_checkov(apps: Mapping[str, App]) -> Findings:
    """Return what Checkov finds in the reviewed apps, acknowledged or not."""
    return checkov_findings({topology: app.synth() for topology, app in apps.items()})


def reviewed_apps(folder: Path) -> Mapping[str, App]:
    """Return the apps of the reviewed topologies, to be synthesised into folders of that one."""
    return {
        topology: make_app(example_deployment(changes), folder / str(number))
        for number, (topology, changes) in enumerate(REVIEWED.items())
    }


def unexplained(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that no acknowledgement covers."""
    return [f for f in findings if not any(entry.covers(f) for entry in ACKNOWLEDGEMENTS)]


def stale(findings: Findings, *, of_checkov: bool) -> list[tuple[str, str, str]]:
    """Return the acknowledged cases of Checkov, or of cdk-nag, that match nothing anywhere."""
    everything = {finding for of_topology in findings.values() for finding in of_topology}
    return [
        case
        for entry in ACKNOWLEDGEMENTS
        for case in entry.stale(everything)
        if case[0].startswith("CKV") is of_checkov
    ]


def counts(findings: Findings) -> Counts:
    """Count the findings by topology and tool."""
    return {name: Counter(f.tool for f in of_topology) for name, of_topology in findings.items()}


def acknowledge(app: App, findings: Iterable[Finding], table: Iterable[Acknowledgement]) -> None:
    """Acknowledge in CDK, at the resource itself, each of the findings that the table explains."""
    acknowledgements = tuple(table)
    constructs = {below_stack(child.node.path): child for child in app.node.find_all()}
    for finding in findings:
        for acknowledgement in acknowledgements:
            if acknowledgement.covers(finding):
                Validations.of(constructs[finding.construct]).acknowledge(
                    Acknowledgment(id=finding.acknowledgment_id, reason=acknowledgement.reason)
                )
