"""What the deployed roles need their permissions for: each is an activity that can be repeated.

An activity is an action of the pipeline, or a call of one of CDK's helper functions.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from settings.examples import ACCOUNT
from tools.rehearsal.bounds import SETTLE_SECONDS
from tools.rehearsal.context import CORE, SERVICE, RehearsalContext
from tools.rehearsal.expectation import RehearsalError, wait_until
from tools.rehearsal.pipeline.artifacts import ArtifactStore
from tools.rehearsal.pipeline.docker_command import docker_stand_in
from tools.rehearsal.pipeline.pipeline_run import PipelineRun


@dataclass(frozen=True, kw_only=True)
class Activity:
    """``run`` can be called again and again; if it fails, the exception says why."""

    name: str
    run: Callable[[], None]


def all_activities(context: RehearsalContext) -> list[Activity]:
    """Return all activities, in an order in which each finds what it needs."""
    return [*_actions(context), *_helper_functions(context)]


def _actions(context: RehearsalContext) -> Iterator[Activity]:
    client = context.aws.client("codepipeline")
    name = context.outputs(SERVICE)["PipelineName"]
    pipeline = client.get_pipeline(name=name)["pipeline"]
    worker = PipelineRun(context, docker_stand_in(context.workspace.folder / "docker"))
    artifacts = ArtifactStore(bucket=pipeline["artifactStore"]["location"], pipeline=name)
    commit = secrets.token_hex(20)
    actions = {
        action["name"]: action
        for stage in pipeline["stages"]
        for action in sorted(stage["actions"], key=lambda action: int(action["runOrder"]))
    }

    def perform(*names: str) -> None:
        own = worker.as_pipeline(pipeline)
        for each in names:
            worker.perform(actions[each], own, artifacts, commit)

    for each in actions:
        # Release copies no image twice, so it needs a new one each time.
        first = ("Build",) if each == "Release" else ()
        yield Activity(name=each, run=partial(perform, *first, each))


def _helper_functions(context: RehearsalContext) -> Iterator[Activity]:
    yield Activity(
        name="Copy of the seed",
        run=_CustomResource(context, SERVICE, "Custom::CDKECRDeployment", _image_copy).exist,
    )
    yield Activity(
        name="Closing of the default security group",
        run=_CustomResource(context, CORE, "Custom::VpcRestrictDefaultSG", _default_group).exist,
    )
    # The last one, because it deletes the artifacts of the actions.
    yield Activity(name="Emptying of the bucket", run=partial(_empty_the_bucket, context))


@dataclass(frozen=True)
class _CustomResource:
    """A custom resource of our own for a helper function that ``stack`` has deployed."""

    context: RehearsalContext
    stack: str
    kind: str
    properties: Callable[[RehearsalContext], Mapping[str, Any]]

    def exist(self) -> None:
        """Create a stack with the resource, and delete it."""
        resource = {"ServiceToken": self._function(), **self.properties(self.context)}
        template = {"Resources": {"Needed": {"Type": self.kind, "Properties": resource}}}
        client = self.context.aws.client("cloudformation")
        stack = client.create_stack(
            StackName=f"needed-{secrets.token_hex(4)}", TemplateBody=json.dumps(template)
        )["StackId"]
        self._wait(stack, "CREATE_COMPLETE")
        client.delete_stack(StackName=stack)
        self._wait(stack, "DELETE_COMPLETE")

    def _function(self) -> str:
        resources = self.context.workspace.template(self.stack)["Resources"].values()
        token = next(r["Properties"]["ServiceToken"] for r in resources if r["Type"] == self.kind)
        found = self.context.aws.client("cloudformation").describe_stack_resources(
            StackName=self.stack, LogicalResourceId=token["Fn::GetAtt"][0]
        )["StackResources"]
        name = found[0]["PhysicalResourceId"]
        function = self.context.aws.client("lambda").get_function_configuration(FunctionName=name)
        return str(function["FunctionArn"])

    def _wait(self, stack: str, wanted: str) -> None:
        client = self.context.aws.client("cloudformation")

        def status() -> str:
            return str(client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

        wait_until(
            f"{stack} has ended", lambda: not status().endswith("_IN_PROGRESS"), SETTLE_SECONDS
        )
        if status() != wanted:
            events = client.describe_stack_events(StackName=stack)["StackEvents"]
            reasons = (event.get("ResourceStatusReason", "") for event in events)
            raise RehearsalError("; ".join(filter(None, reasons)))


def _image_copy(context: RehearsalContext) -> Mapping[str, Any]:
    new = secrets.token_hex(4)
    repository = context.outputs(SERVICE)["ImageRepositoryUri"]
    return {
        "SrcImage": f"docker://public.ecr.aws/nginx/nginx:{new}",
        "DestImage": f"docker://{repository}:{new}",
    }


def _default_group(context: RehearsalContext) -> Mapping[str, Any]:
    in_vpc = {"Name": "vpc-id", "Values": [context.outputs(CORE)["VpcId"]]}
    named = {"Name": "group-name", "Values": ["default"]}
    groups = context.aws.client("ec2").describe_security_groups(Filters=[in_vpc, named])
    (group,) = groups["SecurityGroups"]
    return {"DefaultSecurityGroupId": group["GroupId"], "Account": ACCOUNT}


def _bucket(context: RehearsalContext) -> Mapping[str, Any]:
    client = context.aws.client("codepipeline")
    pipeline = client.get_pipeline(name=context.outputs(SERVICE)["PipelineName"])["pipeline"]
    return {"BucketName": pipeline["artifactStore"]["location"]}


def _empty_the_bucket(context: RehearsalContext) -> None:
    """Empty it with an object in it, and give the bucket its policy back."""
    client = context.aws.client("s3")
    bucket = _bucket(context)["BucketName"]
    policy = client.get_bucket_policy(Bucket=bucket)["Policy"]
    client.put_object(Bucket=bucket, Key=secrets.token_hex(4), Body=b"")
    try:
        _CustomResource(context, SERVICE, "Custom::S3AutoDeleteObjects", _bucket).exist()
    finally:
        client.put_bucket_policy(Bucket=bucket, Policy=policy)
