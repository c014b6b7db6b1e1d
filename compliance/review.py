"""What the tools find, held against the table of acknowledgements."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache

from compliance.acknowledgements import ACKNOWLEDGEMENTS
from compliance.checkov import checkov_findings
from compliance.document import Counts
from compliance.finding import Finding
from compliance.nag import nag_findings
from compliance.topologies import REVIEWED
from tests.synthesis import app_of, synthesise

Findings = Mapping[str, list[Finding]]
"""By topology."""


@cache
def found_by_cdk_nag() -> Findings:
    """Return what cdk-nag finds, before any acknowledgement."""
    return {name: nag_findings(app_of(changes)) for name, changes in REVIEWED.items()}


@cache
def found_by_checkov() -> Findings:
    """Return what Checkov finds, before any acknowledgement."""
    return checkov_findings(
        {name: synthesise(**changes).assembly for name, changes in REVIEWED.items()}
    )


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
