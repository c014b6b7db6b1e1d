"""What is really there: every resource of a stack found by its service, and all that is left."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import jmespath

from rehearsal.local_aws.access import Access
from rehearsal.local_aws.listings import LISTINGS

Snapshot: TypeAlias = Mapping[str, frozenset[str]]
"""By resource type, what its service lists."""

# Metadata of the CDK: a resource without a service.
_NOTHING_TO_FIND = frozenset({"AWS::CDK::Metadata"})
# The physical id of these leads nowhere on AWS either; the template says the name.
_NAMED_BY = {"AWS::IAM::Policy": "PolicyName"}


class Inventory:
    """Looks into every service of a local AWS, through the same APIs that a user would ask.

    Compare two snapshots for what an operation added or left behind::

        before = inventory.snapshot()
        ...
        assert inventory.added_since(before) == {}
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._clients: dict[str, Any] = {}

    def snapshot(self) -> Snapshot:
        return {kind: self._listed(kind) for kind in LISTINGS}

    def added_since(self, before: Snapshot) -> dict[str, list[str]]:
        """Tell, by type, what is there now and was not before; empty when nothing is left."""
        now = self.snapshot()
        added = {kind: sorted(now[kind] - before[kind]) for kind in now}
        return {kind: ids for kind, ids in added.items() if ids}

    def missing(self, stacks: Iterable[str]) -> list[str]:
        """List the resources that a stack claims and their service does not know, a line for each.

        A type that nobody has taught this inventory to find counts as missing. The stacks are
        those of a CDK app: their templates are JSON.
        """
        lists: dict[str, frozenset[str]] = {}
        lost = []
        for stack in stacks:
            path = "StackResourceSummaries[]"
            for resource in self._call(
                "cloudformation", "list_stack_resources", path, StackName=stack
            ):
                kind, logical = resource["ResourceType"], resource["LogicalResourceId"]
                physical = resource["PhysicalResourceId"]
                if kind in _NAMED_BY:
                    physical = self._property(stack, logical, _NAMED_BY[kind])
                name = f"{stack}/{logical} ({kind} {physical})"
                if kind in _NOTHING_TO_FIND:
                    continue
                if kind not in LISTINGS:
                    lost.append(f"{name}: the inventory does not know this type")
                    continue
                if kind not in lists:
                    lists[kind] = self._listed(kind)
                if physical not in lists[kind]:
                    lost.append(f"{name}: not found by its service")
        return lost

    def _property(self, stack: str, logical_id: str, name: str) -> str:
        (template,) = self._call(
            "cloudformation", "get_template", "[TemplateBody]", StackName=stack
        )
        return str(template["Resources"][logical_id]["Properties"][name])

    def _listed(self, kind: str) -> frozenset[str]:
        return frozenset(LISTINGS[kind](self._call))

    def _call(self, service: str, operation: str, path: str, **parameters: Any) -> list[Any]:
        if service not in self._clients:
            self._clients[service] = self._access.client(service)
        client = self._clients[service]
        if client.can_paginate(operation):
            pages = client.get_paginator(operation).paginate(**parameters)
        else:
            pages = [getattr(client, operation)(**parameters)]
        return [value for page in pages for value in jmespath.search(path, page) or []]
