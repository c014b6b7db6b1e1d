"""What the tools find, held against the table of acknowledgements."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from aws_cdk import Acknowledgment, App, Validations

from app import make_app
from settings.examples import CONNECTED, EXISTING, ISOLATED, TOPOLOGIES, example_deployment
from tools.compliance.acknowledgements import ACKNOWLEDGEMENTS, Acknowledgement
from tools.compliance.findings import Finding, below_stack, checkov_findings, nag_findings
from tools.local_aws.scratch import ScratchDirectory

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


@cache
def found_by_cdk_nag() -> Findings:
    """Return what cdk-nag finds, before any acknowledgement."""
    with ScratchDirectory("cdk-nag") as scratch:
        return {
            name: nag_findings(reviewed_app(name, scratch.path / str(number)))
            for number, name in enumerate(REVIEWED)
        }


@cache
def found_by_checkov() -> Findings:
    """Return what Checkov finds, before any acknowledgement."""
    with ScratchDirectory("checkov") as scratch:
        return checkov_findings(
            {
                name: reviewed_app(name, scratch.path / str(number)).synth()
                for number, name in enumerate(REVIEWED)
            }
        )


def reviewed_app(topology: str, outdir: str | Path) -> App:
    """Return the app of a reviewed topology, not yet synthesised."""
    return make_app(example_deployment(REVIEWED[topology]), outdir)


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
