"""No secret value gets into a file, a template, an output, an event, a log or a message."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from cdk_rehearsal import LocalAws
from cdk_rehearsal.cdk import Cli
from settings.examples import ACCOUNT, REGION
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.tests.canary import PASSWORD, TOKEN, files_in, holders
from tools.rehearsal.workspace import Workspace

pytestmark = pytest.mark.slow

PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/key"
NAME = "ecs-blueprint-infra-ecsdemo-backend"


class VerboseWorkspace(Workspace):
    """Lets the CLI say all that it can, and keeps it."""

    def __init__(self, aws: LocalAws) -> None:
        super().__init__(aws)
        self.said: dict[str, str] = {}

    def command(self, *arguments: str) -> list[str]:
        return super().command(*arguments, "-vvv")

    def finish(self, cli: Cli) -> subprocess.CompletedProcess[str]:
        done = super().finish(cli)
        self.said[f"cdk run {len(self.said)}"] = done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def texts() -> Iterator[dict[str, str]]:
    """Deploy with canaries as secrets and fail an update; return all that can be read by place."""
    with LocalAws(account=ACCOUNT, region=REGION) as aws, VerboseWorkspace(aws) as workspace:
        secrets = aws.client("secretsmanager")
        secrets.create_secret(Name="ecs-github-token", SecretString=TOKEN)
        db = secrets.create_secret(Name="db", SecretString=json.dumps({"password": PASSWORD}))
        aws.client("ssm").put_parameter(Name="/app/key", Value=PASSWORD, Type="SecureString")
        changes = {"container_secrets": f"DB={db['ARN']}:password::,KEY={PARAMETER}"}
        workspace.write_env(**changes)
        workspace.bootstrap()
        workspace.deploy("--all", *workspace.synthesised())
        found = dict(described(aws))
        found |= files_in(workspace.folder)
        changes |= {"github_token_secret_name": "missing", "task_memory": "1024"}
        workspace.write_env(**changes)
        deploy = ("deploy", "--all", "--require-approval", "never")
        workspace.failing_cdk(*deploy, *workspace.synthesised())
        client = aws.client("cloudformation")
        for stack in (CORE, SERVICE):
            events = client.describe_stack_events(StackName=stack)
            found[f"events of {stack}"] = json.dumps(events, default=str)
        yield found | workspace.said | {"log of the local AWS": aws.log()}


def described(aws: LocalAws) -> Iterator[tuple[str, str]]:
    """Yield what the APIs tell, and what is in the buckets, by place."""

    def tell(service: str, operation: str, **parameters: Any) -> tuple[str, str]:
        answer = getattr(aws.client(service), operation)(**parameters)
        return f"{service} {operation} {parameters}", json.dumps(answer, default=str)

    for stack in (CORE, SERVICE):
        for operation in ("describe_stacks", "get_template", "list_stack_resources"):
            yield tell("cloudformation", operation, StackName=stack)
    for arn in aws.client("ecs").list_task_definitions()["taskDefinitionArns"]:
        yield tell("ecs", "describe_task_definition", taskDefinition=arn)
    yield tell("codebuild", "batch_get_projects", names=[NAME])
    yield tell("codepipeline", "get_pipeline", name=NAME)
    s3 = aws.client("s3")
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            yield f"{bucket}/{entry['Key']}", body.decode("latin-1")


def test_secrets_in_use_are_nowhere_to_be_read(texts: dict[str, str]) -> None:
    names = " ".join(texts)
    for place in ("cdk run 2", "output.json", "BackendServiceStack.template.json", "get_pipeline"):
        assert place in names
    assert holders(texts) == []
    # The name of the token's secret is found, so a value would be, too.
    assert len([place for place, text in texts.items() if "ecs-github-token" in text]) > 4
