"""The VPC of an existing platform cannot be looked up; what failed must not outlive its cause."""

from tools.rehearsal.expectation import expect_true
from tools.rehearsal.failures.stage import Stage
from tools.rehearsal.failures.user_view import as_typed, tell
from tools.rehearsal.world import CORE

_ENV_FILE = "existing.env"
_SYNTH = ("synth", "--quiet")
_NO_CREDENTIALS = "no credentials have been configured"


def play(stage: Stage) -> None:
    """Fail for each cause in turn, and take it away: the next command must succeed."""
    stage.narrator.chapter("A VPC that is given by name cannot be looked up")
    workspace, name = stage.workspace, stage.world.outputs(CORE)["VpcName"]
    with stage.narrator.step("Without credentials: refused"), workspace.offline():
        _write_env(stage, vpc_name=name)
        said = _refused(stage, because=_NO_CREDENTIALS)
    tell(stage.narrator, as_typed((*_SYNTH, "-c", f"env_file={_ENV_FILE}")), said)
    with stage.narrator.step("With credentials: found"):
        workspace.cdk(*_SYNTH, env_file=_ENV_FILE)
    misspelt = f"{name}s"
    with stage.narrator.step("With a misspelt name: refused"):
        _write_env(stage, vpc_name=misspelt)
        said = _refused(stage, because=f'"tag:Name":"{misspelt}"')
        expect_true("nothing more is said of credentials", holds=_NO_CREDENTIALS not in said)
    with stage.narrator.step("With the right name: found"):
        _write_env(stage, vpc_name=name)
        workspace.cdk(*_SYNTH, env_file=_ENV_FILE)
    with stage.narrator.step("Without credentials: other settings are not concerned") as step:
        _write_env(stage, vpc_name=misspelt)
        with workspace.offline():
            _refused(stage, because=_NO_CREDENTIALS)
            workspace.cdk(*_SYNTH)
        stage.expect_core_alone()
        step.note = "nothing had to be removed by hand"


def _refused(stage: Stage, *, because: str) -> str:
    said = stage.workspace.failing_cdk(*_SYNTH, env_file=_ENV_FILE)
    expect_true(f"the CLI says: {because}", holds=because in said)
    return said


def _write_env(stage: Stage, *, vpc_name: str) -> None:
    core = stage.world.outputs(CORE)
    stage.workspace.write_env(
        _ENV_FILE,
        deploy_core_stack="False",
        vpc_name=vpc_name,
        namespace_name=core["NamespaceNames"],
        namespace_arn=core["NamespaceArns"],
        namespace_id=core["NamespaceIds"],
        ecs_task_execution_role_arn=core["TaskExecutionRoleArn"],
    )
