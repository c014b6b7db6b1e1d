"""What grants are for, each to be played alone: an action of the pipeline, a helper of CDK's."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from settings.examples import ACCOUNT
from tools.rehearsal.context import CORE, SERVICE, RehearsalContext
from tools.rehearsal.expectation import RehearsalError, wait_until
from tools.rehearsal.pipeline.docker_command import docker_stand_in
from tools.rehearsal.pipeline.pipeline_run import ArtifactStore, PipelineRun, RolloutError

FAILURES = (RehearsalError, RolloutError, ClientError)
"""With which of these a play fails, it says why."""

_PATIENCE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Play:
    """Something that can be done again and again; ``run`` raises one of ``FAILURES``."""

    name: str
    run: Callable[[], None]


def all_plays(context: RehearsalContext) -> list[Play]:
    """Return all, in an order in which each finds what it needs."""
    return [*_actions(context), *_helpers(context)]


# --- The actions of the pipeline.


def _actions(context: RehearsalContext) -> Iterator[Play]:
    client = context.aws.client("codepipeline")
    name = context.outputs(SERVICE)["PipelineName"]
    pipeline = client.get_pipeline(name=name)["pipeline"]
    run = PipelineRun(context, docker_stand_in(context.workspace.folder / "docker"))
    artifacts = ArtifactStore(bucket=pipeline["artifactStore"]["location"], pipeline=name)
    commit = secrets.token_hex(20)
    actions = {
        action["name"]: action
        for stage in pipeline["stages"]
        for action in sorted(stage["actions"], key=lambda action: int(action["runOrder"]))
    }

    def perform(*names: str) -> None:
        own = run.as_pipeline(pipeline)
        for each in names:
            run.perform(actions[each], own, artifacts, commit)

    for each in actions:
        # Nothing is copied twice: a release needs an image that is new.
        before = ("Build",) if each == "Release" else ()
        yield Play(name=each, run=partial(perform, *before, each))


# --- CDK's helper functions.


def _helpers(context: RehearsalContext) -> Iterator[Play]:
    helper = partial(_HelperFunction, context)
    yield Play(name="Copy of the seed", run=helper(SERVICE, "Custom::CDKECRDeployment", _copy).run)
    yield Play(
        name="Closing of the default security group",
        run=helper(CORE, "Custom::VpcRestrictDefaultSG", _group).run,
    )
    # Last: it takes the artifacts of the actions away.
    emptying = helper(SERVICE, "Custom::S3AutoDeleteObjects", _bucket)
    yield Play(name="Emptying of the bucket", run=partial(_with_something_to_empty, emptying))


def _copy(context: RehearsalContext) -> Mapping[str, Any]:
    new = secrets.token_hex(4)
    repository = context.outputs(SERVICE)["ImageRepositoryUri"]
    return {
        "SrcImage": f"docker://public.ecr.aws/nginx/nginx:{new}",
        "DestImage": f"docker://{repository}:{new}",
    }


def _group(context: RehearsalContext) -> Mapping[str, Any]:
    in_vpc = {"Name": "vpc-id", "Values": [context.outputs(CORE)["VpcId"]]}
    named = {"Name": "group-name", "Values": ["default"]}
    groups = context.aws.client("ec2").describe_security_groups(Filters=[in_vpc, named])
    (group,) = groups["SecurityGroups"]
    return {"DefaultSecurityGroupId": group["GroupId"], "Account": ACCOUNT}


def _bucket(context: RehearsalContext) -> Mapping[str, Any]:
    client = context.aws.client("codepipeline")
    pipeline = client.get_pipeline(name=context.outputs(SERVICE)["PipelineName"])["pipeline"]
    return {"BucketName": pipeline["artifactStore"]["location"]}


@dataclass(frozen=True)
class _HelperFunction:
    """The deployed function of a type of custom resources, called for a resource of its own."""

    context: RehearsalContext
    stack: str
    kind: str
    properties: Callable[[RehearsalContext], Mapping[str, Any]]

    def run(self) -> None:
        """Create a stack with such a resource, and delete it."""
        resource = {"ServiceToken": self._function(), **self.properties(self.context)}
        template = {"Resources": {"Played": {"Type": self.kind, "Properties": resource}}}
        client = self.context.aws.client("cloudformation")
        stack = client.create_stack(
            StackName=f"played-{secrets.token_hex(4)}", TemplateBody=json.dumps(template)
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

        wait_until(f"{stack} has ended", lambda: not _goes_on(status()), _PATIENCE_SECONDS)
        if status() != wanted:
            events = client.describe_stack_events(StackName=stack)["StackEvents"]
            reasons = (event.get("ResourceStatusReason", "") for event in events)
            raise RehearsalError("; ".join(filter(None, reasons)))


def _goes_on(status: str) -> bool:
    return status.endswith("_IN_PROGRESS")


def _with_something_to_empty(emptying: _HelperFunction) -> None:
    """Run it on a bucket with an object, and give the bucket its policy back."""
    client = emptying.context.aws.client("s3")
    bucket = emptying.properties(emptying.context)["BucketName"]
    policy = client.get_bucket_policy(Bucket=bucket)["Policy"]
    client.put_object(Bucket=bucket, Key=secrets.token_hex(4), Body=b"")
    try:
        emptying.run()
    finally:
        client.put_bucket_policy(Bucket=bucket, Policy=policy)
