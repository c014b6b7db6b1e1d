"""A service is destroyed alone, after its repository was deleted by hand; at the end everything."""

from cdk_rehearsal import expect, expect_true
from cdk_rehearsal.cdk import AS_SYNTHESISED
from tools.rehearsal.context import SERVICE
from tools.rehearsal.failures.context import TOKEN_SECRET, FailureContext
from tools.rehearsal.scenarios.destroy import deregister_revisions


def service_alone(context: FailureContext) -> None:
    """Delete the repository without CloudFormation, and destroy the service; the core stays."""
    context.report.section("Destroy after the repository was deleted by hand")
    with context.report.step("All of the service is gone, the core stays") as step:
        family, repository = context.outputs()["TaskDefinitionFamily"], context.repository()
        context.aws.client("ecr").delete_repository(repositoryName=repository, force=True)
        context.workspace.cdk("destroy", SERVICE, *AS_SYNTHESISED, "--force")
        expect_true("the stack is gone", holds=context.status() is None)
        revisions = deregister_revisions(context, family)
        context.expect_core_alone()
        step.note = f"{revisions} revisions of deliveries deregistered"


def everything(context: FailureContext) -> None:
    """Destroy two environments and their core."""
    context.report.section("Destroy of everything")
    with context.report.step("cdk destroy --all: nothing is left") as step:
        families = context.aws.client("ecs").list_task_definition_families(status="ACTIVE")
        context.workspace.cdk("destroy", "--all", *AS_SYNTHESISED, "--force")
        for family in families["families"]:
            deregister_revisions(context, family)
        context.aws.client("secretsmanager").delete_secret(
            SecretId=TOKEN_SECRET, ForceDeleteWithoutRecovery=True
        )
        expect("left behind", context.inventory.added_since(context.empty), {})
        step.note = f"{len(context.empty)} kinds of resources are as before the first deploy"
