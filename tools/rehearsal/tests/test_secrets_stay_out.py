"""No secret value gets into a file, a template, an output, an event or a log."""

import json
import subprocess

import pytest

from cdk_rehearsal import LocalAws
from cdk_rehearsal.cdk import Cli
from settings.examples import ACCOUNT, REGION
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.tests.canary import PASSWORD, TOKEN, files_in, holders
from tools.rehearsal.workspace import Workspace

pytestmark = pytest.mark.slow

PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/key"


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


def test_secrets_in_use_are_nowhere_to_be_read() -> None:
    with LocalAws(account=ACCOUNT, region=REGION) as aws, VerboseWorkspace(aws) as workspace:
        secrets = aws.client("secretsmanager")
        secrets.create_secret(Name="ecs-github-token", SecretString=TOKEN)
        db = secrets.create_secret(Name="db", SecretString=json.dumps({"password": PASSWORD}))
        aws.client("ssm").put_parameter(Name="/app/key", Value=PASSWORD, Type="SecureString")
        workspace.write_env(container_secrets=f"DB={db['ARN']}:password::,KEY={PARAMETER}")
        workspace.bootstrap()
        workspace.deploy("--all", *workspace.synthesised())
        texts = files_in(workspace.folder) | workspace.said | {"log of the local AWS": aws.log()}
        texts |= {stack: described(aws, stack) for stack in (CORE, SERVICE)}
    for place in ("cdk run 1", "output.json", "cdk.out/BackendServiceStack.template.json"):
        assert place in texts
    assert holders(texts) == []
    # The name of the token's secret is found, so a value would be, too.
    assert len([place for place, text in texts.items() if "ecs-github-token" in text]) > 2


def described(aws: LocalAws, stack: str) -> str:
    """Return what CloudFormation tells of a stack and its events."""
    client = aws.client("cloudformation")
    answers = [client.describe_stacks(StackName=stack)]
    answers += [client.describe_stack_events(StackName=stack)]
    return json.dumps(answers, default=str)
