"""The findings of cdk-nag."""

import json
from collections.abc import Iterable
from pathlib import Path

from aws_cdk import Acknowledgment, App, Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks

from compliance.acknowledgement import Acknowledgement
from compliance.finding import Finding, below_stack

PACKS = ("AwsSolutions", "NIST.800.53.R5")


def nag_findings(app: App) -> list[Finding]:
    """Synthesise the app with both rule packs; return what they found that nobody acknowledged."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), NIST80053R5Checks(app))
    try:
        app.synth()
    except RuntimeError as error:
        if "validation-report.json" not in str(error):
            raise
    report = json.loads((Path(app.outdir) / "validation-report.json").read_text("utf-8"))
    return sorted(
        Finding.of_cdk_nag(plugin["pluginName"], violation["ruleName"], place["constructPath"])
        for plugin in report["pluginReports"]
        if plugin["pluginName"] in PACKS
        for violation in plugin["violations"]
        for place in violation["violatingConstructs"]
    )


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
