"""Services are destroyed, one of them after its repository was deleted by hand; then their core."""

from cdk_rehearsal import expect, expect_true
from cdk_rehearsal.cdk import AS_SYNTHESISED
from tools.rehearsal.context import SERVICE
from tools.rehearsal.failures.context import TOKEN_SECRET, FailureContext
from tools.rehearsal.scenarios.destroy import deregister_revisions


def services_alone(context: FailureContext) -> None:
    """Delete a repository without CloudFormation, and destroy the services; the core stays."""
    context.report.section("Destroy after a repository was deleted by hand")
    with context.report.step("All of the services is gone, the core stays") as step:
        repository = context.repository()
        context.aws.client("ecr").delete_repository(repositoryName=repository, force=True)
        families = context.aws.client("ecs").list_task_definition_families(status="ACTIVE")
        context.workspace.cdk("destroy", f"*{SERVICE}", *AS_SYNTHESISED, "--force")
        expect_true("the stack is gone", holds=context.status() is None)
        revisions = sum(deregister_revisions(context, each) for each in families["families"])
        context.expect_core_alone()
        step.note = f"{revisions} revisions of deliveries deregistered"
    with context.report.step("cdk destroy --all: nothing is left") as step:
        context.workspace.cdk("destroy", "--all", *AS_SYNTHESISED, "--force")
        context.aws.client("secretsmanager").delete_secret(
            SecretId=TOKEN_SECRET, ForceDeleteWithoutRecovery=True
        )
        expect("left behind", context.inventory.added_since(context.empty), {})
        step.note = f"{len(context.empty)} kinds of resources are as before the first deploy"
