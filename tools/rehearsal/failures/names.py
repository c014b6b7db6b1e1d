"""A service name that is taken."""

from typing import Any

from cdk_rehearsal import expect, expect_true, relevant_lines
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.failures.context import DEPLOY, FailureContext
from tools.repository import ROOT


def taken_name(context: FailureContext) -> None:
    """Deploy beside an ECS service of the same name that no stack has made."""
    context.report.section("The cluster already has a service of that name, made by hand")
    ecs: Any = context.aws.client("ecs")
    cluster, name = context.outputs(CORE)["EcsClusterName"], "ecsdemo-backend"
    definition = ecs.register_task_definition(
        family="foreign",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "foreign", "image": "public.ecr.aws/nginx/nginx:1.29"}],
    )["taskDefinition"]["taskDefinitionArn"]
    subnets = {"subnets": context.outputs(CORE)["PrivateSubnetIds"].split(",")}
    ecs.create_service(
        cluster=cluster,
        serviceName=name,
        taskDefinition=definition,
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": subnets},
    )
    with context.report.step("Refused and rolled back; that service and the core stay") as step:
        said = context.workspace.failing_cdk(*DEPLOY)
        expect_true("the CLI says what is wrong", holds="not idempotent" in said)
        place = relevant_lines(said, ROOT)[-1]
        expect_true("the CLI names the file", holds="backend_service/service.py:" in place)
        expect("status", context.status(), "ROLLBACK_COMPLETE")
        (foreign,) = ecs.describe_services(cluster=cluster, services=[name])["services"]
        expect("the service that no stack has made", foreign["status"], "ACTIVE")
        ecs.delete_service(cluster=cluster, service=name, force=True)
        ecs.deregister_task_definition(taskDefinition=definition)
        context.expect_whole(CORE)
        added = context.inventory.added_since(context.core_alone)
        expect("the resources beside the core", added, {"AWS::CloudFormation::Stack": [SERVICE]})
        step.note = "of the stack only the record is left"
