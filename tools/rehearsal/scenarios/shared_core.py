"""More services on one core, and changes of the core under them."""

import shutil
from collections.abc import Mapping, Sequence

from settings.examples import REGION
from tools.rehearsal.context import CORE, SERVICE, RehearsalContext
from tools.rehearsal.expectation import expect, expect_all, expect_true
from tools.rehearsal.workspace import AS_SYNTHESISED

ORDERS, PAYMENTS, LEDGER = (
    f"{name}BackendServiceStack" for name in ("Orders", "Payments", "Ledger")
)
TOGETHER = ".env,orders.env"
ON_IMPORTS = "payments.env,ledger.env"

MORE_NAMESPACES = {"namespaces": "default,internal"}
MORE_ZONES = {
    "az_count": "4",
    "availability_zones": ",".join(f"{REGION}{letter}" for letter in "abcd"),
}


def add_services(context: RehearsalContext) -> None:
    """Deploy three more services in the three ways that there are, and remove them again."""
    report = context.report
    report.section("More services on the same core")
    _write_env_files(context)
    with report.step(f"cdk deploy --all -c env_file={TOGETHER}") as step:
        context.workspace.deploy(env_file=TOGETHER)
        _expect_running(context, ORDERS)
        step.note = context.outputs(ORDERS)["ServiceDiscoveryEndpoint"]
    with report.step("cdk ls with core_outputs_file, offline") as step:
        with context.workspace.offline():
            stacks = context.workspace.cdk("ls", env_file="payments.env").split()
        expect("the stacks that cdk ls prints", stacks, [PAYMENTS])
        expect_true("no context file was needed", holds=not context.workspace.has_context())
        step.note = PAYMENTS
    with report.step(f"cdk deploy --all -c env_file={ON_IMPORTS}") as step:
        # The second of them gives names and ARNs by hand, and its VPC is looked up.
        context.workspace.deploy(env_file=ON_IMPORTS)
        _expect_running(context, PAYMENTS, LEDGER)
        step.note = (
            f"{context.outputs(PAYMENTS)['ServiceName']}, {context.outputs(LEDGER)['ServiceName']}"
        )
    with report.step("Each is found by its name") as step:
        for stack in (SERVICE, ORDERS, PAYMENTS, LEDGER):
            _expect_discoverable(context, stack)
        told = context.task_definition(ORDERS)["containerDefinitions"][0]["environment"]
        address = context.outputs(SERVICE)["ServiceDiscoveryEndpoint"]
        expect_true(
            "orders is told where the backend is",
            holds={"name": "BACKEND_URL", "value": f"http://{address}"} in told,
        )
        step.note = "DiscoverInstances and A records for four services"
    with report.step("cdk destroy of two: the others stay") as step:
        context.workspace.cdk("destroy", "--all", "--force", *AS_SYNTHESISED)
        _expect_running(context, SERVICE, ORDERS)
        step.note = f"{SERVICE}, {ORDERS}"


def change_core(context: RehearsalContext) -> None:
    """Add a namespace and a zone; try to remove what is in use."""
    report, workspace = context.report, context.workspace
    report.section("Changing the core while services run")
    before = context.outputs(CORE)
    with report.step("A namespace is added") as step:
        workspace.write_env(**MORE_NAMESPACES)
        core = workspace.deploy("--all", *workspace.synthesised(TOGETHER))[CORE]
        expect("the first namespace", core["NamespaceIds"].split(",")[0], before["NamespaceIds"])
        step.note = core["NamespaceNames"]
    with report.step("A zone is added: no subnet is replaced") as step:
        workspace.write_env(**MORE_NAMESPACES, **MORE_ZONES)
        core = workspace.deploy("--all", *workspace.synthesised(TOGETHER))[CORE]
        for kind in ("PublicSubnetIds", "PrivateSubnetIds"):
            expect(f"the first three of {kind}", core[kind].split(",")[:3], before[kind].split(","))
        _expect_everywhere(context, core)
        step.note = core["AvailabilityZones"]
    for what, changes in (
        ("A zone in use cannot be removed", MORE_NAMESPACES),
        ("A namespace in use cannot be removed", {"namespaces": "internal", **MORE_ZONES}),
    ):
        with report.step(what) as step:
            workspace.write_env(**changes)
            said = workspace.failing_cdk(
                "deploy", CORE, "--require-approval", "never", *workspace.synthesised()
            )
            expect_true("the CLI says that it is in use", holds="in use" in said)
            expect("the outputs of the core stack", context.outputs(CORE), core)
            _expect_everywhere(context, core)
            step.note = "refused, nothing changed"
    with report.step("Every resource is there"):
        _expect_every_resource(context, CORE, SERVICE, ORDERS)
    workspace.write_env(**MORE_NAMESPACES, **MORE_ZONES)


def _write_env_files(context: RehearsalContext) -> None:
    core, write = context.outputs(CORE), context.workspace.write_env
    shutil.copy(context.workspace.folder / "output.json", context.workspace.folder / "core.json")
    backend = context.outputs(SERVICE)["ServiceDiscoveryEndpoint"]
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


def _expect_running(context: RehearsalContext, *stacks: str) -> None:
    _expect_everywhere(context, context.outputs(CORE), stacks)
    _expect_every_resource(context, *stacks)


def _expect_every_resource(context: RehearsalContext, *stacks: str) -> None:
    expect("resources that no API knows", context.inventory.missing(stacks), [])


def _expect_discoverable(context: RehearsalContext, stack: str) -> None:
    """Cloud Map and the zone's records name the addresses of the tasks that run, and no other."""
    host = context.outputs(stack)["ServiceDiscoveryEndpoint"].partition(":")[0]
    name, _, namespace = host.partition(".")
    instances = context.aws.client("servicediscovery").discover_instances(
        NamespaceName=namespace, ServiceName=name
    )["Instances"]
    found = [instance["Attributes"]["AWS_INSTANCE_IPV4"] for instance in instances]
    expect_all(f"what Cloud Map knows of {host}", found, context.task_addresses(stack))
    expect_all(f"A records of {host}", context.a_records(host), found)


def _expect_everywhere(
    context: RehearsalContext, core: Mapping[str, str], stacks: Sequence[str] = (SERVICE, ORDERS)
) -> None:
    """Require that the tasks of services run, and may do so in every private subnet."""
    for stack in stacks:
        service = context.service(stack)
        expect(f"running tasks of {stack}", service["runningCount"], service["desiredCount"])
        subnets = service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
        expect_all(f"subnets of {stack}", subnets, core["PrivateSubnetIds"].split(","))
