"""What cdk-nag finds in the stacks of every topology."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks

from app import make_app
from settings.examples import TOPOLOGIES, example_deployment

PACKS = ("AwsSolutions", "NIST.800.53.R5")
"""The names of the two rule packs in a report of cdk-nag."""


@dataclass(frozen=True, order=True)
class Finding:
    """A rule of a pack that a resource breaks.

    ``construct`` is the path of the resource below its stack. ``detail`` tells several findings
    of one rule on one resource apart.
    """

    pack: str
    rule: str
    construct: str
    detail: str = ""

    @classmethod
    def from_report(cls, pack: str, rule_name: str, construct_path: str) -> "Finding":
        """Return a finding of a validation report, which writes ``rule[detail]``."""
        rule, bracket, detail = rule_name.partition("[")
        below_stack = re.sub(r"^/?[^/]+/", "", construct_path)
        return cls(pack, rule, below_stack, detail.removesuffix("]") if bracket else "")


def review(folder: Path) -> Mapping[str, list[Finding]]:
    """Synthesise every topology into ``folder``; return the findings by topology."""
    found = {}
    for number, (topology, changes) in enumerate(TOPOLOGIES.items()):
        found[topology] = findings(make_app(example_deployment(changes), folder / str(number)))
    return found


def findings(app: App) -> list[Finding]:
    """Synthesise an app; return the findings of both packs."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), NIST80053R5Checks(app))
    try:
        app.synth()
    except RuntimeError as error:  # CDK raises it whenever a plugin has findings.
        if "validation-report.json" not in str(error):
            raise
    report = json.loads((Path(app.outdir) / "validation-report.json").read_text("utf-8"))
    return sorted(
        Finding.from_report(plugin["pluginName"], violation["ruleName"], place["constructPath"])
        for plugin in report["pluginReports"]
        if plugin["pluginName"] in PACKS
        for violation in plugin["violations"]
        for place in violation["violatingConstructs"]
    )
