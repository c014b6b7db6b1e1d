"""Another service on the core of the sample, and changes of the core under both."""

from collections.abc import Mapping

from cdk_rehearsal import expect, expect_all, expect_true, wait_until
from cdk_rehearsal.cdk import AS_SYNTHESISED
from settings.examples import REGION
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.sample_image import NO_IMAGE
from tools.rehearsal.scenarios.later_deploys import expect_live

CALLER = "CallerBackendServiceStack"
_LARGER = {
    "namespaces": "default,internal",
    "az_count": "4",
    "availability_zones": ",".join(f"{REGION}{letter}" for letter in "abcd"),
}


def add_service(rehearsal: Rehearsal) -> None:
    """Add a service; the core grows, and a repository is renamed for a while."""
    context, workspace = rehearsal.context, rehearsal.context.workspace
    report, before = context.report, context.outputs(CORE)
    report.section("Another service on the same core")
    # Only ECS Exec needs something more of the core: an export, and no other resource.
    caller = another_service("Caller", "ecsdemo-caller") | {"enable_execute_command": "True"}
    for key in ("dns_ttl_seconds", "stop_timeout_seconds"):
        if text := rehearsal.files.text(key):
            caller[key] = text
    rehearsal.files.write("caller.env", **caller)
    with report.step("A service, a namespace and a zone more, and another repository") as step:
        live, first = context.live_image(), context.repository()
        rehearsal.files.write(ecr_repository_name=f"{first}-renamed", **_LARGER)
        rehearsal.deploy()
        core = context.outputs(CORE)
        expect("the first namespace", core["NamespaceIds"].split(",")[0], before["NamespaceIds"])
        for kind in ("PublicSubnetIds", "PrivateSubnetIds"):
            expect(f"the first three of {kind}", core[kind].split(",")[:3], before[kind].split(","))
        _expect_everywhere(rehearsal, core)
        _expect_moved(rehearsal, live, first)
        step.note = f"no subnet is replaced; still image {live[7:19]}, the repository before stays"
    with report.step("The first ecr_repository_name again") as step:
        rehearsal.files.write(ecr_repository_name=first)
        workspace.synthesised(rehearsal.files.selection)
        expect("the reason of a failed update", context.update(SERVICE), "")
        _expect_moved(rehearsal, live, f"{first}-renamed")
        step.note = f"still image {live[7:19]}"
    with report.step("Each is found by its name") as step:
        for stack in (SERVICE, CALLER):
            _expect_discoverable(rehearsal, stack)
        step.note = "DiscoverInstances for both services"


def shrink_core(rehearsal: Rehearsal) -> None:
    """Try to remove from the core what the services use."""
    context, files, workspace = rehearsal.context, rehearsal.files, rehearsal.context.workspace
    core = context.outputs(CORE)
    for what, changes in (
        ("A zone in use cannot be removed", {"az_count": "3", "availability_zones": ""}),
        ("A namespace in use cannot be removed", {"namespaces": "internal"}),
    ):
        with context.report.step(what) as step, files.changed(**changes):
            workspace.synthesised(files.main)  # the caller needs the namespace
            said = context.update(CORE)
            expect_true(f"CloudFormation says that it is in use: {said}", holds="in use" in said)
            expect("the outputs of the core stack", context.outputs(CORE), core)
            _expect_everywhere(rehearsal, core)
            step.note = "refused, nothing changed"


def destroy_one(rehearsal: Rehearsal) -> None:
    """Destroy the added service."""
    context, workspace = rehearsal.context, rehearsal.context.workspace
    with context.report.step("cdk destroy of the added service alone") as step:
        workspace.synthesised(rehearsal.files.selection)
        workspace.cdk("destroy", CALLER, "--force", *AS_SYNTHESISED)
        rehearsal.expect_running(SERVICE)
        step.note = f"the tasks of {SERVICE} run on"


def _expect_moved(rehearsal: Rehearsal, live: str, before: str) -> None:
    """Insist that the image in service came along to another repository, and stayed in the old."""
    context = rehearsal.context
    expect_live(rehearsal, live, "1")
    expect("the repository", context.repository(), rehearsal.files.text("ecr_repository_name"))
    expect("`live` in the one before", context.image(before, "live"), live)
    # Nobody else does, and CloudFormation cannot make one whose name is in use.
    context.aws.client("ecr").delete_repository(repositoryName=before, force=True)


def another_service(prefix: str, name: str) -> dict[str, str]:
    """Return the settings of a service of one task on the core of the sample."""
    return {
        "deploy_core_stack": "False",
        "stack_prefix": prefix,
        "service_name": name,
        "container_name": name,
        "ecr_repository_name": name,
        "desired_count": "1",
        "seed_image": NO_IMAGE,
    }


def _expect_discoverable(rehearsal: Rehearsal, stack: str) -> None:
    """Wait until the name of a service has the addresses of its running tasks, and no other."""
    context = rehearsal.context

    def is_known() -> bool:
        found = [each["Attributes"]["AWS_INSTANCE_IPV4"] for each in context.instances(stack)]
        return sorted(found) == sorted(context.task_addresses(stack))

    wait_until(f"Cloud Map has the addresses of {context.host(stack)}", is_known)


def _expect_everywhere(rehearsal: Rehearsal, core: Mapping[str, str]) -> None:
    """Insist that the tasks of both services run, and may do so in every private subnet."""
    rehearsal.expect_running(SERVICE, CALLER)
    for stack in (SERVICE, CALLER):
        network = rehearsal.context.service(stack)["networkConfiguration"]["awsvpcConfiguration"]
        expect_all(f"subnets of {stack}", network["subnets"], core["PrivateSubnetIds"].split(","))
