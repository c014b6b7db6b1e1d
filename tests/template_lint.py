"""Findings of cfn-lint and of CDK's own rules in templates, without the accepted ones."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

# Findings that do not matter for these templates.
_ACCEPTED = {
    # CDK writes a role and its policy into DependsOn, where the reference to the role's ARN would
    # be enough for the role. This is harmless.
    "W3005": "redundant DependsOn",
    # Users who set availability_zones want exactly these zones.
    "W3010": "availability zones by name",
}


def findings(template: Mapping[str, Any], region: str) -> list[str]:
    """Return the findings of cfn-lint in a template for a region, as rule and message."""
    return _findings(json.dumps(template, ensure_ascii=False), region)


def violations(assembly: str | Path) -> list[str]:
    """Return the violations of CDK's template rules, from the report of a synthesis with rules.

    The synthesis itself does not fail; the CDK CLI stops after it.
    """
    report = json.loads((Path(assembly) / "validation-report.json").read_text("utf-8"))
    return [
        violation["description"]
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    ]


@cache
def _findings(template: str, region: str) -> list[str]:
    decoded, errors = decode_str(template)
    found = errors or _cfn_lint(region).validate_template(decoded)
    return [f"{f.rule.id} {f.message}" for f in found if f.rule.id not in _ACCEPTED]


@cache
def _cfn_lint(region: str) -> Runner:
    """Return cfn-lint with its rules, which it reads as slowly as it checks a template."""
    return Runner(ConfigMixIn(regions=[region]))
