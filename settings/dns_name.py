"""Names that become part of the domain name system."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from .credentials import showable_item
from .item_list import distinct_items
from .problems import UnfitError

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NAME_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST_NAME = 253  # RFC 1035, as text
_EXPECTED_LABEL = (
    "lower-case letters, digits and hyphens, at most 63, "
    "with a letter or digit at both ends (it becomes part of a DNS name)"
)


def dns_label(text: str) -> str:
    """Check one part of a domain name."""
    if not _LABEL.fullmatch(text):
        raise UnfitError(f"expected {_EXPECTED_LABEL}")
    return text


def namespace_labels(value: object) -> tuple[str, ...]:
    """Parse the short names of namespaces, at least one."""
    labels = distinct_items(str(value))
    if not labels:
        raise UnfitError("expected at least one name")
    for label in labels:
        if "." in label:
            raise UnfitError(
                f"{showable_item(label)} has a dot; expected the first part alone, for "
                ".<ecs_cluster_name>.local is added to it"
            )
        if not _LABEL.fullmatch(label):
            raise UnfitError(f"{showable_item(label)}: expected {_EXPECTED_LABEL}")
    return labels


def namespace_full_name(text: str) -> str:
    """Check the full name of a namespace."""
    # Cloud Map itself allows more than host names do, and a namespace may be older than we are.
    if len(text) > _LONGEST_NAME or not all(_NAME_PART.fullmatch(part) for part in text.split(".")):
        raise UnfitError("expected the full name of a namespace, such as default.my-cluster.local")
    return text


DnsLabel = Annotated[str, AfterValidator(dns_label)]
NamespaceLabels = Annotated[tuple[str, ...], BeforeValidator(namespace_labels)]
NamespaceName = Annotated[str, AfterValidator(namespace_full_name)]
