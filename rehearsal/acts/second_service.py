"""Another service, on the infrastructure that is there already."""

from rehearsal.expectation import expect, expect_true
from rehearsal.world import CORE, World

STACK = "OrdersBackendServiceStack"
ENV_FILE = "orders.env"


def play(world: World) -> None:
    """Deploy with ``deploy_core_stack="False"`` on the first one's core, then remove it again."""
    narrator, workspace, core = world.narrator, world.workspace, world.outputs(CORE)
    narrator.chapter("A second service on the same core")
    with narrator.step("cdk ls, with look-ups") as step:
        workspace.write_env(
            ENV_FILE,
            deploy_core_stack="False",
            stack_prefix="Orders",
            service_name="orders",
            container_name="orders",
            ecr_repository_name="orders",
            vpc_name=core["VpcName"],
            namespace_name=core["NamespaceNames"],
            namespace_arn=core["NamespaceArns"],
            namespace_id=core["NamespaceIds"],
            ecs_task_execution_role_arn=core["TaskExecutionRoleArn"],
        )
        stacks = workspace.cdk("ls", env_file=ENV_FILE).split()
        expect("the stacks that cdk ls prints", stacks, [STACK])
        step.note = stacks[0]
    with narrator.step("cdk deploy --all") as step:
        outputs = workspace.deploy(env_file=ENV_FILE)[STACK]
        expect("resources that no API knows", world.inventory.missing([STACK]), [])
        service = world.service(STACK)
        expect("running tasks", service["runningCount"], service["desiredCount"])
        subnets = service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
        expect_true(
            "its tasks are in the private subnets of the core stack",
            holds=set(subnets) == set(core["PrivateSubnetIds"].split(",")),
        )
        step.note = outputs["ServiceDiscoveryEndpoint"]
    with narrator.step("cdk destroy: the first service stays") as step:
        workspace.cdk("destroy", "--all", "--force", env_file=ENV_FILE)
        service = world.service()
        expect("running tasks", service["runningCount"], service["desiredCount"])
        step.note = f"{service['runningCount']} tasks run"
