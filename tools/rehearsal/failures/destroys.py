"""Everything is destroyed, after the repository of one service was deleted by hand."""

from cdk_rehearsal import expect
from cdk_rehearsal.cdk import AS_SYNTHESISED
from tools.rehearsal.failures.context import TOKEN_SECRET, FailureContext
from tools.rehearsal.scenarios.destroy import deregister_revisions


def deleted_by_hand(context: FailureContext) -> None:
    """Delete a repository without CloudFormation, then destroy two environments and their core."""
    context.report.section("Destroy after a repository was deleted by hand")
    with context.report.step("cdk destroy --all: nothing is left") as step:
        repository, ecs = context.repository(), context.aws.client("ecs")
        context.aws.client("ecr").delete_repository(repositoryName=repository, force=True)
        families = ecs.list_task_definition_families(status="ACTIVE")["families"]
        context.workspace.cdk("destroy", "--all", *AS_SYNTHESISED, "--force")
        revisions = sum(deregister_revisions(context, family) for family in families)
        context.aws.client("secretsmanager").delete_secret(
            SecretId=TOKEN_SECRET, ForceDeleteWithoutRecovery=True
        )
        expect("left behind", context.inventory.added_since(context.empty), {})
        step.note = (
            f"{len(context.empty)} kinds of resources are as before the first deploy; {revisions} "
            "revisions of deliveries deregistered"
        )
