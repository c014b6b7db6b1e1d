"""What cfn-lint and CDK's own rules find in templates, without what is accepted here."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

# Findings that are right in general and not here.
_ACCEPTED = {
    # CDK names a role and its policy together in DependsOn, where using the role's ARN orders the
    # role already. Harmless, and not ours to change.
    "W3005": "redundant DependsOn",
    # The zones are a setting: who names them wants exactly those.
    "W3010": "availability zones by name",
}


def findings(template: Mapping[str, Any], region: str) -> list[str]:
    """Return what cfn-lint finds in a template for that region, as rule and message."""
    decoded, errors = decode_str(json.dumps(template, ensure_ascii=False))
    found = errors or _cfn_lint(region).validate_template(decoded)
    return [f"{f.rule.id} {f.message}" for f in found if f.rule.id not in _ACCEPTED]


def violations(assembly: str | Path) -> list[str]:
    """Return what CDK's template rules found, from the report of a synthesis that applied them.

    The synthesis itself goes through; the CDK CLI then refuses to go on.
    """
    report = json.loads((Path(assembly) / "validation-report.json").read_text("utf-8"))
    return [
        violation["description"]
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    ]


@cache
def _cfn_lint(region: str) -> Runner:
    """Return cfn-lint with its rules: to read them takes as long as to lint a template."""
    return Runner(ConfigMixIn(regions=[region]))
