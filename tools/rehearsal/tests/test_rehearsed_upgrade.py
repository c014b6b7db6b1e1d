"""Stacks of an earlier revision, on the local AWS, updated by the real `cdk deploy` of today."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import pytest

from backend_service.names import ServiceOutput
from settings.examples import ACCOUNT, REGION
from tools.local_aws import Inventory, LocalAws
from tools.rehearsal.upgrade.changes import ON_PURPOSE, REVISIONS
from tools.rehearsal.upgrade.deployed import Templates, deployed
from tools.rehearsal.workspace import Workspace

pytestmark = pytest.mark.slow

# What the others need besides is not here: a VPC, secrets or a connection of somebody else.
TOPOLOGY = "default"
TOKEN_SECRET = "ecs-github-token"  # noqa: S105 - the name of a secret, not a secret


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws(account=ACCOUNT, region=REGION) as aws:
        yield aws


@dataclass(frozen=True)
class Resources:
    """The resources of stacks: physical id by stack and logical id."""

    ids: dict[tuple[str, str], str]
    kinds: dict[tuple[str, str], str]
    events: frozenset[str]
    """Of the stacks, so far."""

    @classmethod
    def of(cls, aws: LocalAws, *stacks: str) -> Self:
        cloudformation = aws.client("cloudformation")
        ids, kinds, events = {}, {}, set()
        for stack in stacks:
            pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
            for resource in (r for page in pages for r in page["StackResourceSummaries"]):
                key = stack, resource["LogicalResourceId"]
                ids[key], kinds[key] = resource["PhysicalResourceId"], resource["ResourceType"]
            events |= {event["EventId"] for event in _events(aws, stack)}
        return cls(ids, kinds, frozenset(events))

    def not_kept(self, aws: LocalAws) -> list[str]:
        """List what is another resource now, or none, and what CloudFormation says of that."""
        stacks = dict.fromkeys(stack for stack, _ in self.ids)
        now = Resources.of(aws, *stacks)
        lost = [
            f"{stack}/{key}: {self.ids[stack, key]} has become {now.ids.get((stack, key))}"
            for stack, key in self.ids
            if self.ids[stack, key] != now.ids.get((stack, key))
            and self.kinds[stack, key] not in REVISIONS
        ]
        return lost + [
            f"{stack}/{event['LogicalResourceId']}: {event['ResourceStatus']},"
            f" {event.get('ResourceStatusReason', '')}"
            for stack in stacks
            for event in _events(aws, stack)
            if event["EventId"] not in self.events and self._is_replaced_by(stack, event)
        ]

    def _is_replaced_by(self, stack: str, event: dict[str, Any]) -> bool:
        key = stack, event["LogicalResourceId"]
        if key not in self.ids or self.kinds[key] in REVISIONS:
            return False
        replaced = "new physical resource" in event.get("ResourceStatusReason", "")
        return replaced or event["ResourceStatus"].startswith("DELETE")


def _events(aws: LocalAws, stack: str) -> list[dict[str, Any]]:
    pages = aws.client("cloudformation").get_paginator("describe_stack_events")
    return [event for page in pages.paginate(StackName=stack) for event in page["StackEvents"]]


def deploy(aws: LocalAws, templates: Templates) -> None:
    """Create the stacks, or update them, as CloudFormation's API does it."""
    cloudformation = aws.client("cloudformation")
    known = {stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]}
    for stack, template in templates.items():
        operation = "update" if stack in known else "create"
        getattr(cloudformation, f"{operation}_stack")(
            StackName=stack,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        waiter = cloudformation.get_waiter(f"stack_{operation}_complete")
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


_ANSWER = """
const https = require("https");
exports.handler = (event) => new Promise((resolve) => {
  const request = https.request({ hostname: "x", path: "/", method: "PUT" }, resolve);
  const PhysicalResourceId = event.PhysicalResourceId ?? event.RequestId;
  request.write(JSON.stringify({ Status: "SUCCESS", PhysicalResourceId }));
  request.end();
});
"""


def publish_functions(aws: LocalAws, templates: Templates) -> None:
    """Put code that only answers where the functions of the templates look for theirs."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("index.js", "__entrypoint__.js"):
            archive.writestr(name, _ANSWER)
    for template in templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Lambda::Function":
                code = resource["Properties"]["Code"]
                bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
                aws.client("s3").put_object(
                    Bucket=bucket, Key=code["S3Key"], Body=packed.getvalue()
                )


@dataclass(frozen=True)
class Service:
    """What the service runs and where it is found."""

    image: str
    addresses: frozenset[str]
    registered: frozenset[str]

    @classmethod
    def of(cls, aws: LocalAws, stack: str) -> Self:
        cloudformation, ecs = aws.client("cloudformation"), aws.client("ecs")
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        outputs = {o["OutputKey"]: o["OutputValue"] for o in described["Outputs"]}
        _, cluster, service = outputs[ServiceOutput.SERVICE_ARN].rsplit("/", 2)
        arns = ecs.list_tasks(cluster=cluster, serviceName=service)["taskArns"]
        containers = [
            container
            for task in ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
            for container in task["containers"]
        ]
        (image,) = {container["imageDigest"] for container in containers}
        host, _, _ = outputs[ServiceOutput.SERVICE_DISCOVERY_ENDPOINT].partition(":")
        name, _, namespace = host.partition(".")
        found = aws.client("servicediscovery").discover_instances(
            NamespaceName=namespace, ServiceName=name
        )["Instances"]
        return cls(
            image,
            frozenset(c["networkInterfaces"][0]["privateIpv4Address"] for c in containers),
            frozenset(instance["Attributes"]["AWS_INSTANCE_IPV4"] for instance in found),
        )


def test_an_update_of_a_deployed_revision_keeps_every_resource(aws: LocalAws) -> None:
    before = deployed()[TOPOLOGY]
    core, service = before.templates
    with Workspace(aws) as workspace:
        (workspace.folder / ".env").write_text(before.env, encoding="utf-8")
        workspace.bootstrap()
        aws.client("secretsmanager").create_secret(Name=TOKEN_SECRET, SecretString="ghp_upgrade")
        inventory = Inventory(aws.access)
        empty = inventory.snapshot()

        publish_functions(aws, before.templates)
        deploy(aws, before.templates)
        old, running = Resources.of(aws, core, service), Service.of(aws, service)
        assert running.registered == running.addresses != frozenset()

        workspace.deploy()
        lost = [line for line in old.not_kept(aws) if not _on_purpose(line)]
        assert not lost, "\n".join(lost)
        assert inventory.missing([core, service]) == []
        updated = Service.of(aws, service)
        assert updated.image == running.image
        assert updated.registered == updated.addresses
        assert len(updated.addresses) == len(running.addresses)

        workspace.cdk("destroy", "--all", "--force")
        assert inventory.added_since(empty) == {}


def _on_purpose(line: str) -> bool:
    logical_id = line.partition(": ")[0].partition("/")[2]
    return logical_id in {name.partition(".")[0] for name in ON_PURPOSE}


def _log_group(name: str) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}


def _log_stream(name: str) -> dict[str, Any]:
    properties = {"LogGroupName": {"Ref": "Streams"}, "LogStreamName": name}
    return {"Type": "AWS::Logs::LogStream", "Properties": properties}


def test_what_is_replaced_or_removed_is_seen(aws: LocalAws) -> None:
    """Else the test above could not fail."""
    kept = {"Streams": _log_group("streams")}
    first = {"Renamed": _log_group("a"), "Gone": _log_group("b"), "Stream": _log_stream("a")}
    second = {"Renamed": _log_group("c"), "Other": _log_group("d"), "Stream": _log_stream("b")}
    deploy(aws, {"seen": {"Resources": kept | first}})
    before = Resources.of(aws, "seen")
    assert before.not_kept(aws) == []
    deploy(aws, {"seen": {"Resources": kept | second}})
    assert {line.partition(",")[0] for line in before.not_kept(aws)} == {
        "seen/Renamed: a has become c",
        "seen/Gone: b has become None",
        "seen/Stream: a has become b",
        "seen/Stream: UPDATE_IN_PROGRESS",  # because it "requires the creation of a new [one]"
    }
    aws.client("cloudformation").delete_stack(StackName="seen")
