"""The calls of the rehearsed service that the policies of its task role do not allow."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from settings import Settings
from tools.rehearsal.named_resources import document_of

_MISSING = "no identity-based policy allows"  # the judge's reason, in the words of IAM


def told(refused: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for each refused call, with the statement that would allow it."""
    lines = []
    for each in refused:
        action, resource, reason = each["action"], each["resource"], each["reason"]
        line = f"AccessDenied, {action} on {resource}: {reason}"
        if _MISSING in reason:
            statement = {"Effect": "Allow", "Action": action, "Resource": resource}
            line += f"\n  missing in task_role_policy_arns: {json.dumps(statement)}"
        lines.append(line)
    return lines


def unknown_policies(settings: Settings) -> list[str]:
    """Return the policies of the task role of which the rehearsal has no document."""
    return [
        arn
        for arn in settings.service.task_role_policy_arns
        if ":iam::aws:" not in arn and not document_of(arn, settings).exists()
    ]
