"""The GitHub token is not in Secrets Manager at the first deploy."""

from tools.rehearsal.expectation import expect, expect_true
from tools.rehearsal.failures.stage import DEPLOY, DEPLOY_AS_TYPED, FAILED_STACK, Stage
from tools.rehearsal.failures.user_view import tell
from tools.rehearsal.scenarios.first_deploy import TOKEN, TOKEN_SECRET


def play(stage: Stage) -> None:
    """Deploy without the secret, then store it."""
    stage.narrator.chapter("The token is missing at the first deploy")
    with stage.narrator.step("Refused and rolled back; the core stays") as step:
        said = stage.workspace.failing_cdk(*DEPLOY)
        expect_true("the CLI names the missing secret", holds=TOKEN_SECRET in said)
        expect("status", stage.status(), "ROLLBACK_COMPLETE")
        stage.expect_core_alone(FAILED_STACK)
        step.note = "of the service only the stack's record is left"
    tell(stage.narrator, DEPLOY_AS_TYPED, said)
    with stage.narrator.step("Store the token"):
        secrets = stage.world.aws.client("secretsmanager")
        secrets.create_secret(Name=TOKEN_SECRET, SecretString=TOKEN)
