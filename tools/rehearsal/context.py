"""A local AWS with a deployed service, and what its APIs say about that service."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cdk_rehearsal import ConsoleReport, Inventory, LocalAws, RehearsalError, expect, wait_until
from cdk_rehearsal.pipelines import (
    Action,
    DockerCommand,
    PipelineRun,
    Source,
    TooLargeError,
    read_source,
)
from tools.rehearsal.workspace import Workspace
from tools.repository import ROOT

CORE = "CoreInfraStack"
SERVICE = "BackendServiceStack"


@dataclass(frozen=True, kw_only=True)
class RehearsalContext:
    """The local AWS, the folder to deploy from, the report, and what is delivered.

    Methods with a ``stack`` parameter are about the service of that stack, by default of the
    context's own ``stack``.
    """

    aws: LocalAws
    workspace: Workspace
    report: ConsoleReport
    delivered_from: Path = ROOT
    """The top folder of the repository that the pipeline delivers."""
    working_tree: bool = False
    """Whether deliveries take the files of the repository as they are on disk, and not HEAD."""
    stack: str = SERVICE

    @cached_property
    def source(self) -> Source:
        """What the pipeline gets as its source; ``SourceError`` if there is no commit."""
        try:
            return read_source(self.delivered_from, working_tree=self.working_tree)
        except RehearsalError as error:
            no_way = self.working_tree or isinstance(error, TooLargeError)
            hint = "" if no_way else " (WORKTREE=1)"
            raise RehearsalError(f"{error}{hint}") from error

    @cached_property
    def inventory(self) -> Inventory:
        """The resources that exist, as the APIs of their services list them."""
        return Inventory(self.aws.access)

    def expect_every_resource(self, *stacks: str) -> None:
        """Insist that each resource of the stacks is known to the API of its service."""
        expect("resources that no API knows", self.inventory.missing(stacks), [])

    def outputs(self, stack: str = "") -> dict[str, str]:
        """Return the outputs of a stack."""
        name = stack or self.stack
        stacks = self.aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return {o["OutputKey"]: o["OutputValue"] for o in stacks[0].get("Outputs", [])}

    def status(self, stack: str = "") -> str | None:
        """Return the status of a stack, or None if there is no such stack."""
        client = self.aws.client("cloudformation")
        try:
            return str(
                client.describe_stacks(StackName=stack or self.stack)["Stacks"][0]["StackStatus"]
            )
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def update(self, stack: str) -> str:
        """Let CloudFormation update a deployed stack to its template of the last synthesis.

        It is for steps that are not about the CDK CLI, whose start takes a second of a processor:
        CloudFormation gets the template and the role that the CLI would give it. The assets of the
        template must be there already. Returns the reasons of a failure, or an empty text.
        """
        client, access = self.aws.client("cloudformation"), self.aws.access
        began = datetime.now(UTC)
        place, file = f"{access.account}-{access.region}", f"{stack}.template.json"
        bucket, template = f"cdk-hnb659fds-assets-{place}", self.workspace.template(stack)
        # CloudFormation takes a template of this size from a bucket only.
        self.aws.client("s3").put_object(Bucket=bucket, Key=file, Body=json.dumps(template))
        client.update_stack(
            StackName=stack,
            TemplateURL=f"{access.endpoint_url}/{bucket}/{file}",
            Capabilities=["CAPABILITY_NAMED_IAM"],
            RoleARN=f"arn:aws:iam::{access.account}:role/cdk-hnb659fds-cfn-exec-role-{place}",
        )
        wait_until(
            f"the update of {stack} has ended", lambda: "PROGRESS" not in str(self.status(stack))
        )
        if self.status(stack) == "UPDATE_COMPLETE":
            return ""
        events = client.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = (e.get("ResourceStatusReason", "") for e in events if e["Timestamp"] > began)
        return "\n".join(filter(None, reasons))

    def template(self, stack: str) -> Mapping[str, Any]:
        """Return the template that is deployed, which need not be the one of the last synthesis."""
        body = self.aws.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
        template: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
        return template

    def physical_ids(self, stack: str) -> dict[str, str]:
        """Return the physical ids of the stack's resources, by logical id."""
        pages = self.aws.client("cloudformation").get_paginator("list_stack_resources")
        found = pages.paginate(StackName=stack).build_full_result()["StackResourceSummaries"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def service(self, stack: str = "") -> dict[str, Any]:
        """Return the ECS service of a stack, as ECS describes it."""
        arn = self.outputs(stack)["ServiceArn"]
        cluster, name = arn.split("/")[-2:]
        answer = self.aws.client("ecs").describe_services(cluster=cluster, services=[name])
        if not answer["services"]:
            raise RehearsalError(f"ECS has no service {name} in cluster {cluster}")
        return dict(answer["services"][0])

    def is_steady(self) -> bool:
        """Tell whether ECS has completed the primary deployment of the service."""
        states = {d["status"]: d["rolloutState"] for d in self.service()["deployments"]}
        return bool(states["PRIMARY"] == "COMPLETED")

    def task_definition(self, stack: str = "") -> dict[str, Any]:
        """Return the task definition that the service runs."""
        ecs = self.aws.client("ecs")
        arn = self.service(stack)["taskDefinition"]
        return dict(ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"])

    def tasks(self, stack: str = "") -> list[dict[str, Any]]:
        """Return the running tasks of the service, as ECS describes them."""
        ecs, service = self.aws.client("ecs"), self.service(stack)
        cluster = service["clusterArn"]
        arns = ecs.list_tasks(cluster=cluster, serviceName=service["serviceName"])["taskArns"]
        return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]) if arns else []

    def task_ids(self, stack: str = "") -> list[str]:
        """Return the ids of the running tasks of the service."""
        return [task["taskArn"].rpartition("/")[2] for task in self.tasks(stack)]

    def described(self, task_ids: list[str]) -> list[dict[str, Any]]:
        """Return tasks by their ids as ECS describes them, stopped ones included."""
        cluster = self.service()["clusterArn"]
        ecs = self.aws.client("ecs")
        return list(ecs.describe_tasks(cluster=cluster, tasks=task_ids)["tasks"])

    def stopped_tasks(self) -> list[dict[str, Any]]:
        """Return the tasks of the service that have stopped, or were told to stop."""
        service, pager = self.service(), self.aws.client("ecs").get_paginator("list_tasks")
        which = {"cluster": service["clusterArn"], "serviceName": service["serviceName"]}
        pages = pager.paginate(**which, desiredStatus="STOPPED")
        arns = [arn for page in pages for arn in page["taskArns"]]
        return self.described(arns) if arns else []

    def log_lines(self, stream: str) -> list[str]:
        """Return what is in the log stream of a container: its name ends with name/task id."""
        logs, group = self.aws.client("logs"), self.outputs()["LogGroupName"]
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        names = [s["logStreamName"] for s in streams if s["logStreamName"].endswith(stream)]
        found = [logs.get_log_events(logGroupName=group, logStreamName=name) for name in names]
        return [event["message"].rstrip() for each in found for event in each["events"]]

    def task_role(self) -> str:
        """Return the name of the role of the tasks."""
        return str(self.task_definition()["taskRoleArn"].rpartition("/")[2])

    def refused_calls(self) -> list[dict[str, Any]]:
        """Return the calls that the service has made and its task role was not allowed."""
        role = self.task_role()
        refusals = self.aws.access.ledger()["refusals"]
        return [each for each in refusals if each["principal"] == role]

    def have_stopped(self, task_ids: list[str]) -> bool:
        """Tell whether ECS says of all these tasks that they have stopped."""
        return {task["lastStatus"] for task in self.described(task_ids)} == {"STOPPED"}

    def task_addresses(self, stack: str = "") -> list[str]:
        """Return the private address of each running task of the service."""
        return [
            interface["privateIpv4Address"]
            for task in self.tasks(stack)
            for interface in task["containers"][0]["networkInterfaces"]
        ]

    @property
    def endpoint(self) -> str:
        """Name and port of the service; empty if it has no name, as a worker without a port."""
        return self.outputs().get("ServiceDiscoveryEndpoint", "")

    def host(self, stack: str = "") -> str:
        """Return the name under which other services find the service."""
        return self.outputs(stack)["ServiceDiscoveryEndpoint"].partition(":")[0]

    def instances(self, stack: str = "") -> list[dict[str, Any]]:
        """Return the instances that Cloud Map discovers under the name of the service."""
        name, _, namespace = self.host(stack).partition(".")
        cloud_map = self.aws.client("servicediscovery")
        return list(
            cloud_map.discover_instances(NamespaceName=namespace, ServiceName=name)["Instances"]
        )

    def running_image(self, stack: str = "") -> str:
        """Return the digest of the image that every task runs, once all tasks run the same one."""
        digests: set[str] = set()
        repository = self.outputs(stack)["ImageRepositoryUri"]

        def agree() -> bool:
            digests.clear()
            digests.update(
                container.get("imageDigest", "")
                for task in self.tasks(stack)
                for container in task["containers"]
                # The images of sidecars are not from the repository of the service.
                if container["image"].startswith(repository)
            )
            return len(digests) == 1 and "" not in digests

        wait_until(f"all tasks of {stack or self.stack} run the same image", agree)
        return digests.pop()

    def repository(self, stack: str = "") -> str:
        """Return the name of the image repository of the service."""
        return self.outputs(stack)["ImageRepositoryUri"].partition("/")[2]

    def image(self, repository: str, tag: str) -> str:
        """Return the digest of the image with the tag."""
        answer = self.aws.client("ecr").describe_images(
            repositoryName=repository, imageIds=[{"imageTag": tag}]
        )
        return str(answer["imageDetails"][0]["imageDigest"])

    def live_image(self) -> str:
        """Return the digest of the image that has the tag ``live``."""
        return self.image(self.repository(), "live")


class ServicePipeline(PipelineRun):
    """The pipeline of the service of a context; it delivers the source of the context."""

    def __init__(self, context: RehearsalContext, docker: DockerCommand) -> None:
        super().__init__(
            context.aws,
            docker,
            pipeline=lambda: context.outputs()["PipelineName"],
            source=lambda: context.source,
        )
        self.context = context

    def action(self, name: str) -> Action:
        """Return an action of the deployed pipeline."""
        deployed = self._client.get_pipeline(name=self.context.outputs()["PipelineName"])
        actions = [each for stage in deployed["pipeline"]["stages"] for each in stage["actions"]]
        return next(action for action in actions if action["name"] == name)

    def project(self) -> dict[str, Any]:
        """Return the project of the builds, as CodeBuild describes it."""
        names = [self.action("Build")["configuration"]["ProjectName"]]
        codebuild = self.context.aws.client("codebuild")
        return dict(codebuild.batch_get_projects(names=names)["projects"][0])


def read_deliverable(context: RehearsalContext) -> None:
    """Read what will be delivered and report it; ``SourceError`` if there is no commit."""
    with context.report.step("Read the source to deliver") as step:
        step.note = f"{context.source.origin}, {len(context.source.files)} files"
    for what in context.source.left_out:
        context.report.leave_out(what)
    if context.source.left_out and not context.working_tree:
        context.report.advise("WORKTREE=1 delivers tracked files as they are on disk")
