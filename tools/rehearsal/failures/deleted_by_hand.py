"""The user has deleted the image repository by hand, and then destroys everything."""

from tools.rehearsal.expectation import expect
from tools.rehearsal.failures.stage import AS_SYNTHESISED, Stage
from tools.rehearsal.failures.user_view import as_typed, tell
from tools.rehearsal.scenarios.first_deploy import TOKEN_SECRET
from tools.rehearsal.world import SERVICE

_DESTROY = ("destroy", "--all", *AS_SYNTHESISED)


def play(stage: Stage) -> None:
    """Delete the repository behind CloudFormation's back, then destroy."""
    stage.narrator.chapter("Destroy after the repository was deleted by hand")
    with stage.narrator.step("aws ecr delete-repository --force"):
        repository = stage.world.outputs(SERVICE)["ImageRepositoryUri"].partition("/")[2]
        stage.world.aws.client("ecr").delete_repository(repositoryName=repository, force=True)
    with stage.narrator.step("cdk destroy --all: nothing is left") as step:
        said = stage.workspace.cdk(*_DESTROY, "--force")
        stage.world.aws.client("secretsmanager").delete_secret(
            SecretId=TOKEN_SECRET, ForceDeleteWithoutRecovery=True
        )
        expect("left behind", stage.world.inventory.added_since(stage.empty), {})
        step.note = f"{len(stage.empty)} kinds of resources looked for"
    tell(stage.narrator, as_typed(_DESTROY), said)
