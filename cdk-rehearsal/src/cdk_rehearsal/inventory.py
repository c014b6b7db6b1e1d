"""Finds every resource of a stack through the API of its service, and what a deletion left."""

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import jmespath
from botocore.exceptions import ClientError

from cdk_rehearsal.access import Access

Snapshot: TypeAlias = Mapping[str, frozenset[str]]
"""By resource type, the ids that its service lists."""
Call: TypeAlias = Callable[..., list[Any]]
"""`call(service, operation, jmespath, **parameters)` returns the values from all pages."""
Listing: TypeAlias = Callable[[Call], Iterator[str]]
"""Lists the resources of one type, by the ids that CloudFormation gives them."""

# Resources that no service has.
_NOTHING_TO_FIND = frozenset({"AWS::CDK::Metadata", "AWS::CloudFormation::CustomResource"})
# The physical id of these leads nowhere, also on AWS; the template has their name.
_NAMED_BY = {"AWS::IAM::Policy": "PolicyName"}
_STACK = "AWS::CloudFormation::Stack"


def is_listed(kind: str) -> bool:
    """Say whether the inventory can look for resources of a type, or need not."""
    # Only its function knows what another custom resource has made.
    return kind in _LISTINGS or kind in _NOTHING_TO_FIND or kind.startswith("Custom::")


class Inventory:
    """Asks every service of a local AWS, through the same APIs that a user has.

    Compare two snapshots to see what an operation added or left behind::

        before = inventory.snapshot()
        ...
        assert inventory.added_since(before) == {}
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def snapshot(self) -> Snapshot:
        """Return the identifiers of everything that exists, by kind."""
        return {kind: self._listed(kind) for kind in _LISTINGS}

    def added_since(self, before: Snapshot) -> dict[str, list[str]]:
        """Return, by type, the resources that the earlier snapshot does not have."""
        now = self.snapshot()
        added = {kind: sorted(now[kind] - before[kind]) for kind in now}
        return {kind: ids for kind, ids in added.items() if ids}

    def missing(self, stacks: Iterable[str], *, listed_only: bool = False) -> list[str]:
        """Return the resources of the stacks that their service does not list, one a line.

        A resource of a type that the inventory cannot find counts as missing, unless
        ``listed_only``. Stacks that are nested in the stacks count, too. The templates must be
        JSON, as those of the CDK are.
        """
        names = list(stacks)
        lists: dict[str, frozenset[str]] = {}
        template = cache(self._template)
        lost = []
        for stack in names:
            path = "StackResourceSummaries[]"
            for resource in self._call(
                "cloudformation", "list_stack_resources", path, StackName=stack
            ):
                kind, logical = resource["ResourceType"], resource["LogicalResourceId"]
                physical = resource["PhysicalResourceId"]
                if kind in _NAMED_BY:
                    properties = template(stack)["Resources"][logical]["Properties"]
                    physical = str(properties[_NAMED_BY[kind]])
                if kind == _STACK:
                    physical = physical.split("/")[1]  # the listing has names, not ARNs
                    names.append(physical)
                name = f"{stack}/{logical} ({kind} {physical})"
                if kind not in _LISTINGS:
                    if is_listed(kind) or listed_only:
                        continue
                    lost.append(f"{name}: the inventory does not know this type")
                    continue
                if kind not in lists:
                    lists[kind] = self._listed(kind)
                if physical not in lists[kind]:
                    lost.append(f"{name}: not found by its service")
        return lost

    def _template(self, stack: str) -> Any:
        (template,) = self._call(
            "cloudformation", "get_template", "[TemplateBody]", StackName=stack
        )
        return template

    def _listed(self, kind: str) -> frozenset[str]:
        return frozenset(_LISTINGS[kind](self._call))

    def _call(self, service: str, operation: str, path: str, **parameters: Any) -> list[Any]:
        client = self._access.client(service)
        if client.can_paginate(operation):
            pages = client.get_paginator(operation).paginate(**parameters)
        else:
            pages = [getattr(client, operation)(**parameters)]
        return [value for page in pages for value in jmespath.search(path, page) or []]


_TABLES = tomllib.loads(Path(__file__).with_name("inventory.toml").read_text("utf-8"))


def _listed(entry: str) -> Listing:
    service, operation, path, *parameters = entry.split()
    named = dict(each.split("=") for each in parameters)
    return lambda call: iter(call(service, operation, path, **named))


def _listed_of_each(parents: str, children: str) -> Listing:
    service, operation, path, parent = children.split()

    def listing(call: Call) -> Iterator[str]:
        for each in _listed(parents)(call):
            yield from call(service, operation, path, **{parent: each})

    return listing


# Resources that a service lists by other ids than CloudFormation's.


def _routes(call: Call) -> Iterator[str]:
    for table in call("ec2", "describe_route_tables", "RouteTables[]"):
        for route in table["Routes"]:
            if route["Origin"] == "CreateRoute":
                yield f"{table['RouteTableId']}|{route['DestinationCidrBlock']}"


def _clusters(call: Call) -> Iterator[str]:
    for arn in call("ecs", "list_clusters", "clusterArns[]"):
        yield arn.rsplit("/", 1)[-1]


def _record_sets(call: Call) -> Iterator[str]:
    for zone in call("route53", "list_hosted_zones", "HostedZones[].Id"):
        operation, path = "list_resource_record_sets", "ResourceRecordSets[]"
        for record in call("route53", operation, path, HostedZoneId=zone):
            identifier = record.get("SetIdentifier", "")
            yield f"{zone}|{record['Name']}|{record['Type']}|{identifier}"


def _policy(call: Call, absent: str, *entry: str, **parameters: str) -> list[Any]:
    """Call for the policy of one resource; nothing if the service answers that there is none."""
    try:
        return call(*entry, "[Policy]", **parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != absent:
            raise
        return []


def _function_permissions(call: Call) -> Iterator[str]:
    for name in call("lambda", "list_functions", "Functions[].FunctionName"):
        absent = "ResourceNotFoundException"
        for policy in _policy(call, absent, "lambda", "get_policy", FunctionName=name):
            yield from (statement["Sid"] for statement in json.loads(policy)["Statement"])


def _bucket_policies(call: Call) -> Iterator[str]:
    for bucket in call("s3", "list_buckets", "Buckets[].Name"):
        for _ in _policy(call, "NoSuchBucketPolicy", "s3", "get_bucket_policy", Bucket=bucket):
            yield f"{bucket}-policy"


def _image_tags(call: Call) -> Iterator[str]:
    for repository in call("ecr", "describe_repositories", "repositories[]"):
        name, uri = repository["repositoryName"], repository["repositoryUri"]
        for tag in call("ecr", "list_images", "imageIds[].imageTag", repositoryName=name):
            yield f"{uri}:{tag}"


def _topic_policies(call: Call) -> Iterator[str]:
    for topic in call("sns", "list_topics", "Topics[].TopicArn"):
        (policy,) = call("sns", "get_topic_attributes", "[Attributes.Policy]", TopicArn=topic)
        statements = json.loads(policy or '{"Statement": []}')["Statement"]
        if any(statement.get("Sid") != "__default_statement_ID" for statement in statements):
            yield f"{topic}-policy"


def _keys(call: Call) -> Iterator[str]:
    """List the keys but those that wait for their deletion, which the stack has deleted."""
    for key in call("kms", "list_keys", "Keys[].KeyId"):
        (state,) = call("kms", "describe_key", "[KeyMetadata.KeyState]", KeyId=key)
        if state != "PendingDeletion":
            yield key


_LISTINGS: dict[str, Listing] = {
    **{kind: _listed(entry) for kind, entry in _TABLES["plain"].items()},
    **{kind: _listed_of_each(*entries) for kind, entries in _TABLES["of_each"].items()},
    "AWS::EC2::Route": _routes,
    "AWS::ECS::Cluster": _clusters,
    "AWS::Lambda::Permission": _function_permissions,
    "AWS::S3::BucketPolicy": _bucket_policies,
    "AWS::SNS::TopicPolicy": _topic_policies,
    "AWS::KMS::Key": _keys,
    "record set of a hosted zone": _record_sets,
    "tag of an image": _image_tags,
}
