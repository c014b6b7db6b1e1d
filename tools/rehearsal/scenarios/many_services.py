"""More services on the same core: from files given together, and from the outputs of a deploy."""

import shutil

from tools.rehearsal.expectation import expect, expect_all, expect_true
from tools.rehearsal.world import CORE, SERVICE, World

ORDERS, PAYMENTS, LEDGER = (
    f"{name}BackendServiceStack" for name in ("Orders", "Payments", "Ledger")
)
TOGETHER = ".env,orders.env"
ON_IMPORTS = "payments.env,ledger.env"


def play(world: World) -> None:
    """Deploy three more services in the three ways that there are, and remove them again."""
    narrator = world.narrator
    narrator.chapter("More services on the same core")
    _write_env_files(world)
    with narrator.step(f"cdk deploy --all -c env_file={TOGETHER}") as step:
        world.workspace.deploy(env_file=TOGETHER)
        _expect_running(world, ORDERS)
        step.note = world.outputs(ORDERS)["ServiceDiscoveryEndpoint"]
    with narrator.step("cdk ls with core_outputs_file, offline") as step:
        with world.workspace.offline():
            stacks = world.workspace.cdk("ls", env_file="payments.env").split()
        expect("the stacks that cdk ls prints", stacks, [PAYMENTS])
        expect_true("no context file was needed", holds=not world.workspace.has_context())
        step.note = PAYMENTS
    with narrator.step(f"cdk deploy --all -c env_file={ON_IMPORTS}") as step:
        # The second of them gives names and ARNs by hand, and its VPC is looked up.
        world.workspace.deploy(env_file=ON_IMPORTS)
        for stack in (PAYMENTS, LEDGER):
            _expect_running(world, stack)
        step.note = (
            f"{world.outputs(PAYMENTS)['ServiceName']}, {world.outputs(LEDGER)['ServiceName']}"
        )
    with narrator.step("Each is found by its name") as step:
        for stack in (SERVICE, ORDERS, PAYMENTS, LEDGER):
            _expect_discoverable(world, stack)
        told = world.task_definition(ORDERS)["containerDefinitions"][0]["environment"]
        address = world.outputs(SERVICE)["ServiceDiscoveryEndpoint"]
        expect_true(
            "orders is told where the backend is",
            holds={"name": "BACKEND_URL", "value": f"http://{address}"} in told,
        )
        step.note = "DiscoverInstances and A records for four services"
    with narrator.step("cdk destroy of two: the others stay") as step:
        world.workspace.cdk("destroy", "--all", "--force", env_file=ON_IMPORTS)
        for stack in (SERVICE, ORDERS):
            _expect_running(world, stack)
        step.note = f"{SERVICE}, {ORDERS}"


def _write_env_files(world: World) -> None:
    core, write = world.outputs(CORE), world.workspace.write_env
    shutil.copy(world.workspace.folder / "output.json", world.workspace.folder / "core.json")
    backend = world.outputs(SERVICE)["ServiceDiscoveryEndpoint"]
    write(
        "orders.env",
        **_another("orders"),
        container_environment=f"BACKEND_URL=http://{backend}",
    )
    write("payments.env", **_another("payments"), core_outputs_file="core.json")
    write(
        "ledger.env",
        **_another("ledger"),
        vpc_name=core["VpcName"],
        namespace_name=core["NamespaceNames"],
        namespace_arn=core["NamespaceArns"],
        namespace_id=core["NamespaceIds"],
        ecs_task_execution_role_arn=core["TaskExecutionRoleArn"],
    )


def _another(name: str) -> dict[str, str]:
    return {
        "deploy_core_stack": "False",
        "stack_prefix": name.capitalize(),
        "service_name": name,
        "container_name": name,
        "ecr_repository_name": name,
        "desired_count": "2",
    }


def _expect_running(world: World, stack: str) -> None:
    expect("resources that no API knows", world.inventory.missing([stack]), [])
    service, core = world.service(stack), world.outputs(CORE)
    expect(f"running tasks of {stack}", service["runningCount"], service["desiredCount"])
    subnets = service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
    expect_all(f"subnets of {stack}", subnets, core["PrivateSubnetIds"].split(","))


def _expect_discoverable(world: World, stack: str) -> None:
    """Cloud Map and the zone's records name the addresses of the tasks that run, and no other."""
    host = world.outputs(stack)["ServiceDiscoveryEndpoint"].partition(":")[0]
    name, _, namespace = host.partition(".")
    instances = world.aws.client("servicediscovery").discover_instances(
        NamespaceName=namespace, ServiceName=name
    )["Instances"]
    found = [instance["Attributes"]["AWS_INSTANCE_IPV4"] for instance in instances]
    expect_all(f"what Cloud Map knows of {host}", found, world.task_addresses(stack))
    expect_all(f"A records of {host}", world.a_records(host), found)
