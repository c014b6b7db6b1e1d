"""Changes of the core stack under living services."""

from settings.examples import REGION
from tools.rehearsal.expectation import expect, expect_all, expect_true
from tools.rehearsal.scenarios.many_services import ORDERS, TOGETHER
from tools.rehearsal.world import CORE, SERVICE, World

MORE_NAMESPACES = {"namespaces": "default,internal"}
MORE_ZONES = {
    "az_count": "4",
    "availability_zones": ",".join(f"{REGION}{letter}" for letter in "abcd"),
}


def play(world: World) -> None:
    """Add a namespace and a zone; try to remove what is in use."""
    narrator, workspace = world.narrator, world.workspace
    narrator.chapter("Changing the core under living services")
    before = world.outputs(CORE)
    with narrator.step("A namespace is added") as step:
        workspace.write_env(**MORE_NAMESPACES)
        core = workspace.deploy(env_file=TOGETHER)[CORE]
        expect("the first namespace", core["NamespaceIds"].split(",")[0], before["NamespaceIds"])
        step.note = core["NamespaceNames"]
    with narrator.step("A zone is added: no subnet is replaced") as step:
        workspace.write_env(**MORE_NAMESPACES, **MORE_ZONES)
        core = workspace.deploy(env_file=TOGETHER)[CORE]
        for kind in ("PublicSubnetIds", "PrivateSubnetIds"):
            expect(f"the first three of {kind}", core[kind].split(",")[:3], before[kind].split(","))
        _expect_everywhere(world, core)
        step.note = core["AvailabilityZones"]
    for what, changes in (
        ("A zone in use cannot be removed", MORE_NAMESPACES),
        ("A namespace in use cannot be removed", {"namespaces": "internal", **MORE_ZONES}),
    ):
        with narrator.step(what) as step:
            workspace.write_env(**changes)
            said = workspace.failing_cdk("deploy", CORE, "--require-approval", "never")
            expect_true("the CLI says that it is in use", holds="in use" in said)
            expect("the outputs of the core stack", world.outputs(CORE), core)
            _expect_everywhere(world, core)
            step.note = "refused, nothing changed"
    workspace.write_env(**MORE_NAMESPACES, **MORE_ZONES)


def _expect_everywhere(world: World, core: dict[str, str]) -> None:
    for stack in (SERVICE, ORDERS):
        service = world.service(stack)
        expect(f"running tasks of {stack}", service["runningCount"], service["desiredCount"])
        subnets = service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
        expect_all(f"subnets of {stack}", subnets, core["PrivateSubnetIds"].split(","))
    expect("resources that no API knows", world.inventory.missing([CORE, SERVICE, ORDERS]), [])
