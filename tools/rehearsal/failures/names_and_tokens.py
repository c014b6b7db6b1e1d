"""A name that cannot be looked up, a token that is missing, a name that is taken already."""

from typing import Any

from tools.rehearsal.console_report import relevant_lines
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.expectation import expect, expect_true
from tools.rehearsal.failures.context import (
    DEPLOY,
    DEPLOY_COMMAND,
    FAILED_STACK,
    FailureContext,
    cdk_command,
)
from tools.rehearsal.scenarios.first_deploy import TOKEN_SECRET, store_token

_ENV_FILE = "existing.env"
_SYNTH = ("synth", "--quiet")
_NO_CREDENTIALS = "no credentials have been configured"


def failed_look_up(context: FailureContext) -> None:
    """Fail for each of two causes, and without them succeed; other settings are not concerned.

    What is synthesised last is what the failures after this one deploy.
    """
    context.report.section("A VPC that is given by name cannot be looked up")
    workspace, name = context.workspace, context.outputs(CORE)["VpcName"]
    with context.report.step("Without credentials: refused"), workspace.offline():
        _write_env(context, vpc_name=name)
        said = _refused(context, because=_NO_CREDENTIALS)
    context.report.cli_output(cdk_command((*_SYNTH, "-c", f"env_file={_ENV_FILE}")), said)
    misspelt = f"{name}s"
    with context.report.step("With a misspelt name: refused"):
        _write_env(context, vpc_name=misspelt)
        said = _refused(context, because=f'"tag:Name":"{misspelt}"')
        expect_true("nothing more is said of credentials", holds=_NO_CREDENTIALS not in said)
    with context.report.step("With credentials and the right name: found"):
        _write_env(context, vpc_name=name)
        workspace.cdk(*_SYNTH, env_file=_ENV_FILE)
    with context.report.step("Without credentials: other settings are not concerned") as step:
        _write_env(context, vpc_name=misspelt)
        with workspace.offline():
            _refused(context, because=_NO_CREDENTIALS)
            workspace.cdk(*_SYNTH)
        context.expect_core_alone()
        step.note = "nothing had to be removed by hand"


def missing_token(context: FailureContext) -> None:
    """Deploy without the secret, then store it."""
    context.report.section("The token is missing at the first deploy")
    with context.report.step("Refused and rolled back; the core stays") as step:
        said = context.workspace.failing_cdk(*DEPLOY)
        expect_true("the CLI names the missing secret", holds=TOKEN_SECRET in said)
        expect("status", context.status(), "ROLLBACK_COMPLETE")
        context.expect_core_alone(FAILED_STACK)
        step.note = "of the service only the stack's record is left"
    context.report.cli_output(DEPLOY_COMMAND, said)
    with context.report.step("Store the token"):
        store_token(context)


def taken_name(context: FailureContext) -> None:
    """Deploy beside somebody's ECS service of the same name, then without it."""
    context.report.section("The cluster has a service of that name already, made by hand")
    foreign = ForeignService(context)
    with context.report.step("Refused and rolled back; theirs and the core stay") as step:
        found = context.status()
        said = context.workspace.failing_cdk(*DEPLOY)
        expect_true("the CLI says what is wrong", holds="not idempotent" in said)
        place = relevant_lines(said)[-1]
        expect_true("the CLI names the file", holds="backend_service/service.py:" in place)
        expect("status", context.status(), "ROLLBACK_COMPLETE")
        expect("their service", foreign.status(), "ACTIVE")
        foreign.remove()
        context.expect_core_alone(FAILED_STACK)
        step.note = f"the CLI deleted the stack in {found} and made it anew"
    context.report.cli_output(DEPLOY_COMMAND, said)
    with context.report.step("Without the cause: the second deploy succeeds") as step:
        said = context.workspace.cdk(*DEPLOY)
        context.expect_whole(CORE, SERVICE)
        step.note = f"{context.status()}, and every resource is there"
    context.report.cli_output(DEPLOY_COMMAND, said)


class ForeignService:
    """A service in our cluster, under our service's name, that no stack knows."""

    def __init__(self, context: FailureContext) -> None:
        core = context.outputs(CORE)
        self._ecs: Any = context.aws.client("ecs")
        self._cluster, self._name = core["EcsClusterName"], "ecsdemo-backend"
        answer = self._ecs.register_task_definition(
            family="theirs",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "theirs", "image": "public.ecr.aws/nginx/nginx:1.29"}],
        )
        self._definition = answer["taskDefinition"]["taskDefinitionArn"]
        subnets = {"subnets": core["PrivateSubnetIds"].split(",")}
        self._ecs.create_service(
            cluster=self._cluster,
            serviceName=self._name,
            taskDefinition=self._definition,
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": subnets},
        )

    def status(self) -> str:
        """Return its status, as ECS has it."""
        answer = self._ecs.describe_services(cluster=self._cluster, services=[self._name])
        return str(answer["services"][0]["status"])

    def remove(self) -> None:
        """Leave nothing of it."""
        self._ecs.delete_service(cluster=self._cluster, service=self._name, force=True)
        self._ecs.deregister_task_definition(taskDefinition=self._definition)


def _refused(context: FailureContext, *, because: str) -> str:
    said = context.workspace.failing_cdk(*_SYNTH, env_file=_ENV_FILE)
    expect_true(f"the CLI says: {because}", holds=because in said)
    return said


def _write_env(context: FailureContext, *, vpc_name: str) -> None:
    core = context.outputs(CORE)
    context.workspace.write_env(
        _ENV_FILE,
        deploy_core_stack="False",
        vpc_name=vpc_name,
        namespace_name=core["NamespaceNames"],
        namespace_arn=core["NamespaceArns"],
        namespace_id=core["NamespaceIds"],
        ecs_task_execution_role_arn=core["TaskExecutionRoleArn"],
    )
