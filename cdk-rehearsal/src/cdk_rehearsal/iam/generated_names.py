"""Which names, ids and ARNs nobody knows before a deploy, and the patterns that match them.

A policy is written before the deploy. It can name what the template names; of the rest it knows the
kind, and that CloudFormation begins a generated name with that of the stack.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
"""

import re
from collections.abc import Mapping
from typing import Any

from cdk_rehearsal.iam.values import texts

_ARN_PARTS = 6
_BETWEEN = re.compile(r"([/:|])")
# A shorter part of an ARN, like the revision of a task definition, may have other meanings.
_SHORTEST = 4
# Ids of VPCs, subnets, namespaces and so on: what exists in a rehearsal has others in the account.
_ID = re.compile(r"(?:[a-z]+-)+[0-9a-f]{8,17}|(?:ns|srv)-\w+")
_SECRET_SUFFIX = 7  # Secrets Manager ends an ARN with a hyphen and six characters


class GeneratedNames:
    """Everything that CloudFormation or a service has generated for a resource."""

    def __init__(self) -> None:
        self._patterns: dict[str, str] = {}

    def add(
        self,
        stack: str,
        properties: Mapping[str, Any],
        physical_id: str,
        attributes: Mapping[str, Any],
        logical_id: str = "",
    ) -> None:
        """Learn from a new resource: what its properties do not contain was generated."""
        given = frozenset(text for _, text in texts(properties))
        for value in (physical_id, *attributes.values()):
            if isinstance(value, str) and value and value not in given:
                self._patterns[value] = self._generalised(
                    value, given, stack, physical_id, logical_id
                )

    def pattern(self, text: str) -> str:
        """Return the text with wildcards instead of what was generated."""
        if text in self._patterns:
            return self._patterns[text]
        head, rest = _split(text)
        parts = (self._patterns.get(part, part) for part in _BETWEEN.split(rest))
        return head + "".join("*" if _ID.fullmatch(part) else part for part in parts)

    def _generalised(
        self, value: str, given: frozenset[str], stack: str, physical_id: str, logical_id: str
    ) -> str:
        head, rest = _split(value)
        parts = []
        for part in _BETWEEN.split(rest):
            general = self._part(part, given, stack, physical_id, logical_id)
            if general != part and len(part) >= _SHORTEST:
                self._patterns[part] = general
            parts.append(general)
        return head + "".join(parts)

    def _part(
        self, part: str, given: frozenset[str], stack: str, physical_id: str, logical_id: str
    ) -> str:
        if part in self._patterns:
            return self._patterns[part]
        if part in given or not part:
            return part
        if logical_id and part.startswith(f"{logical_id}-"):
            return f"{logical_id}-*"  # the name of a secret
        if part.lower().startswith(f"{stack.lower()}-"):
            return f"{part[: len(stack)]}-*"
        name, suffix = part[:-_SECRET_SUFFIX], part[-_SECRET_SUFFIX:]
        if name and name in given and suffix.startswith("-"):
            return f"{name}-??????"
        is_generated = part == physical_id or any(character.isdigit() for character in part)
        return "*" if is_generated else part


def _split(text: str) -> tuple[str, str]:
    """Split an ARN before its resource; other texts have no head."""
    if not text.startswith("arn:"):
        return "", text
    *head, rest = text.split(":", _ARN_PARTS - 1)
    return ":".join(head) + ":", rest
