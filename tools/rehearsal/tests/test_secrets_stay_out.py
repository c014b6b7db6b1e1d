"""No secret value gets into a file, a template, an output, an event, a log or a message."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from settings.examples import ACCOUNT, REGION
from tools.local_aws import LocalAws
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.tests.canary import PASSWORD, TOKEN, files_in, holders
from tools.rehearsal.workspace import Cli, Workspace

pytestmark = pytest.mark.slow

PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/key"


class VerboseWorkspace(Workspace):
    """Lets the CLI say all that it can, and keeps it."""

    def __init__(self, aws: LocalAws) -> None:
        super().__init__(aws)
        self.said: dict[str, str] = {}

    def start(self, *arguments: str, env_file: str = ".env") -> Cli:
        return super().start(*arguments, "-vvv", env_file=env_file)

    def finish(self, cli: Cli) -> subprocess.CompletedProcess[str]:
        done = super().finish(cli)
        self.said[f"cdk run {len(self.said)}"] = done.stdout + done.stderr
        return done


@dataclass
class Deployed:
    """What there is to be searched after a deploy with secrets in use."""

    aws: LocalAws
    texts: dict[str, str] = field(default_factory=dict)

    def describe(self, service: str, operation: str, **parameters: Any) -> Any:
        answer = getattr(self.aws.client(service), operation)(**parameters)
        self.texts[f"{service} {operation} {parameters}"] = json.dumps(answer, default=str)
        return answer


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    """Deploy with canaries in the secrets, list everything; then fail an update; then destroy."""
    with LocalAws(account=ACCOUNT, region=REGION) as aws, VerboseWorkspace(aws) as workspace:
        secrets = aws.client("secretsmanager")
        secrets.create_secret(Name="ecs-github-token", SecretString=TOKEN)
        db = secrets.create_secret(Name="db", SecretString=json.dumps({"password": PASSWORD}))
        aws.client("ssm").put_parameter(Name="/app/key", Value=PASSWORD, Type="SecureString")
        changes = {"container_secrets": f"DB={db['ARN']}:password::,KEY={PARAMETER}"}
        workspace.write_env(**changes)
        workspace.bootstrap()
        workspace.deploy()
        found = Deployed(aws)
        describe_all(found)
        found.texts |= files_in(workspace.folder)
        changes |= {"github_token_secret_name": "missing"}
        workspace.write_env(**changes, task_memory="1024")
        workspace.failing_cdk("deploy", "--all", "--require-approval", "never")
        for stack in (CORE, SERVICE):
            found.describe("cloudformation", "describe_stack_events", StackName=stack)
        workspace.cdk("destroy", "--all", "--force")
        found.texts |= workspace.said | {"log of the local AWS": aws.log()}
        yield found


def describe_all(found: Deployed) -> None:
    for stack in (CORE, SERVICE):
        for operation in ("describe_stacks", "get_template", "list_stack_resources"):
            found.describe("cloudformation", operation, StackName=stack)
    ecs, name = found.aws.client("ecs"), "ecs-blueprint-infra-ecsdemo-backend"
    for arn in ecs.list_task_definitions()["taskDefinitionArns"]:
        found.describe("ecs", "describe_task_definition", taskDefinition=arn)
    found.describe("codebuild", "batch_get_projects", names=[name])
    found.describe("cloudwatch", "get_dashboard", DashboardName=name)
    s3 = found.aws.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for entry in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            body = s3.get_object(Bucket=bucket["Name"], Key=entry["Key"])["Body"].read()
            found.texts[f"{bucket['Name']}/{entry['Key']}"] = body.decode("latin-1")
    pipeline = found.describe("codepipeline", "get_pipeline", name=name)["pipeline"]
    # The reference was resolved: here as on AWS, asterisks show that there is a token.
    assert pipeline["stages"][0]["actions"][0]["configuration"]["OAuthToken"] == "****"


def test_secrets_in_use_are_nowhere_to_be_read(deployed: Deployed) -> None:
    names = " ".join(deployed.texts)
    for place in (
        "cdk run 3",
        "output.json",
        "BackendServiceStack.template.json",
        "describe_stack",
    ):
        assert place in names
    assert holders(deployed.texts) == []


def test_search_would_find_a_secret(deployed: Deployed) -> None:
    """What refers to the secrets is found in the same places."""
    where = [place for place, text in deployed.texts.items() if "ecs-github-token" in text]
    assert len(where) >= 5
