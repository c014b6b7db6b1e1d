"""The user's image in service: built, called by name, delivered again, and rolled back to."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from settings import Settings
from tools.init.proposal import NO_HEALTH_CHECK
from tools.local_aws import Delays
from tools.rehearsal.containers import deliveries
from tools.rehearsal.containers.context import ContainerContext
from tools.rehearsal.expectation import RehearsalError, expect, expect_all, wait_until
from tools.rehearsal.own_service import bad_versions
from tools.rehearsal.own_service.examination import (
    KILLED,
    Examination,
    ImageError,
    ask,
    examine,
    examine_image,
    exit_code,
    health_path,
)
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.pipeline_run import ActionFailedError, PipelineRun

_ANSWER_SECONDS = 60.0
_STEADY_SECONDS = 30.0
_STOP_MARGIN_SECONDS = 15.0
_DNS_SECONDS = int(Delays().records)
_NO_SHORT_NAMES = "short-name"
_SHORT_NAMES = (
    "podman asks no registry for a name without one; docker and CodeBuild ask Docker Hub. In"
    ' ~/.config/containers/registries.conf: unqualified-search-registries = ["docker.io"]'
)


@dataclass
class OwnImage:
    """What is known of the deployed service, and of its image when it has been delivered."""

    context: ContainerContext
    settings: Settings
    docker: DockerCommand
    pipeline: PipelineRun
    commit: str
    old_tasks: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where the container is to listen."""
        return self.settings.service.container_port

    @property
    def path(self) -> str:
        """What the health check asks over HTTP; empty if it does not."""
        return health_path(self.settings.service.health_check_command, self.port)

    def deliver(self) -> str:
        """Run the pipeline for the commit, and return the digest that is live then."""
        context = self.context
        before = context.running()
        self.pipeline.run(self.commit)
        live = context.image(context.repository(), "live")
        expect("the image that the service runs", context.running_image(), live)
        self.old_tasks = before
        return live

    def built(self) -> str:
        """Return the engine's id of the image that was built last."""
        return self.docker.images()[-1].removeprefix("sha256:")

    def container_definition(self) -> Mapping[str, Any]:
        """Return what the task definition says of the container."""
        return dict(self.context.task_definition()["containerDefinitions"][0])

    def examined(self) -> Examination:
        """Look at a container of the image that was built last."""
        definition = self.container_definition()
        return examine_image(self.context, self.built(), definition, self.port)


def run(context: ContainerContext, settings: Settings, docker: DockerCommand) -> None:
    """Deliver HEAD and another build of it, then two bad versions of it.

    ``ImageError`` says what is wrong with it.
    """
    report = context.report
    commit = context.source.commit or secrets.token_hex(20)
    own = OwnImage(context, settings, docker, PipelineRun(context, docker), commit)
    report.section("Your image")
    with report.step(f"Built and delivered: {context.source.origin}") as step:
        live = deliver(own)
        step.note = f"image {live[7:19]} is live, {len(context.running())} tasks"
    with report.step("Called by its name from another container") as step:
        step.note = call_by_name(own)
    with report.step("Another build of it is delivered") as step:
        another = deliver(own)
        step.note = f"image {another[7:19]} is live" + ("" if another != live else ", as before")
    stopping = own.old_tasks
    with report.step("Called by its name again") as step:
        step.note = call_by_name(own)
    report.section("Bad versions of it")
    _bad_versions(own)
    report.section("SIGTERM")
    with report.step("The tasks that were replaced") as step:
        step.note = sigterm(own, stopping)


# --- What it takes to be delivered ----------------------------------------------------------------


def deliver(own: OwnImage) -> str:
    """Deliver HEAD; whatever fails in the image is said as one `ImageError`."""
    try:
        return own.deliver()
    except ActionFailedError as failure:
        if failure.action == "Build":
            raise _not_built(own, str(failure)) from None
        if failure.action == "Deploy":
            raise _not_healthy(own, str(failure)) from None
        raise


def _not_built(own: OwnImage, failure: str) -> RehearsalError:
    lines = failure.splitlines()
    delivery = own.settings.delivery
    path = delivery.buildspec_path or "the blueprint's own buildspec"
    found = lines[0].partition("failed: ")[2] or lines[0]
    if any(_NO_SHORT_NAMES in line for line in lines):
        found += f"\n  to do     {_SHORT_NAMES}"
    return ImageError(
        "Your image is not built.",
        expected=f"the commands of {path} end with 0 (it builds {delivery.dockerfile})",
        found=found + (f" {lines[1]}" if len(lines) > 1 else ""),
        lines=lines[2:],
    )


def _not_healthy(own: OwnImage, failure: str) -> RehearsalError:
    seen = own.examined()
    service = own.settings.service
    if seen.exit_code is not None:
        return ImageError(
            "Your container does not stay up: ECS rolled the delivery back.",
            expected="its command runs until it gets SIGTERM",
            found=f"it ends by itself, with {exit_code(seen.exit_code)}",
            lines=seen.lines,
        )
    if seen.check is not None and seen.check[0] != 0:
        code, said = seen.check
        command = " ".join((service.health_check_command or ("", ""))[1:])
        return ImageError(
            "Your container never becomes healthy: ECS rolled the delivery back.",
            expected=f"in the container `{command}` ends with 0",
            found=f"it ends with {exit_code(code)}{f': {said}' if said else ''}; "
            f"{seen.found(own.port)}",
            lines=seen.lines,
        )
    return ImageError(
        "Your container was not rolled out.",
        expected="tasks that run and stay healthy",
        found=failure,
        lines=seen.lines,
    )


# --- Its name -------------------------------------------------------------------------------------


def call_by_name(own: OwnImage) -> str:
    """Ask every task by the name of the service, from a container beside them."""
    context = own.context
    try:
        deliveries.settle(context)
    except RehearsalError:
        raise _not_healthy(own, "its tasks do not stay") from None
    answers, failures = ask(context, context.host, own.port, own.path, _ANSWER_SECONDS)
    if failures:
        raise _no_answer(own, failures)
    expect_all("the tasks that answered", answers, context.task_addresses())
    said = ", ".join(sorted(set(answers.values())))
    return f"http://{context.host}:{own.port}{own.path or '/'}: {len(answers)} of them, {said}"


def _no_answer(own: OwnImage, failures: Mapping[str, str]) -> RehearsalError:
    context, port = own.context, own.port
    at = {context.address(each): each["Id"] for each in context.containers().values()}
    address, reason = next(iter(failures.items()))
    seen = examine(context, at[address]) if address in at else own.examined()
    found = seen.found(port)
    if reason.startswith(("HTTP", "no HTTP")):
        # It is reached, and answers otherwise than its own health check is answered.
        found = f"{reason}; the name in the request is {context.host}"
    expected = f"something that answers on port {port} (container_port), on every address (0.0.0.0)"
    if own.path:
        expected += f", and at {own.path} as its health check asks"
    if remedy := seen.remedy(port):
        found += f"\n  to do     {remedy}"
    return ImageError(
        f"Your service does not answer at http://{context.host}:{port}{own.path or '/'}",
        expected=expected,
        found=found,
        lines=seen.lines,
    )


# --- Bad versions ---------------------------------------------------------------------------------


def _bad_versions(own: OwnImage) -> None:
    context = own.context
    architecture = context.engine("image", "inspect", "--format", "{{.Architecture}}", own.built())
    if not bad_versions.is_known(architecture):
        context.report.leave_out(f"bad versions of an image for {architecture}")
        return
    with context.report.step("One whose command exits at once") as step:
        reason = _rolled_back(own, bad_versions.exits_at_once(architecture))
        if reason is None:
            raise RehearsalError("a version whose command exits at once was delivered")
        step.note = reason
    with context.report.step("One that never listens") as step:
        reason = _rolled_back(own, bad_versions.never_listens(architecture))
        step.note = reason or _delivered_all_the_same(own)


def _rolled_back(own: OwnImage, files: Mapping[str, bytes]) -> str | None:
    """Deliver an image that is derived from the user's; None if nothing has stopped it."""
    context = own.context
    before, tasks = context.task_definition()["taskDefinitionArn"], context.running()
    live = context.image(context.repository(), "live")
    try:
        with own.docker.deriving(files):
            own.deliver()
    except ActionFailedError as failure:
        if failure.action != "Deploy":
            raise
        reason = str(failure).rpartition(": ")[2].rstrip(".")
    else:
        return None
    wait_until("it is rolled back", context.is_steady, _STEADY_SECONDS)
    expect("the revision in service", context.task_definition()["taskDefinitionArn"], before)
    expect_all("the tasks that run", context.running(), tasks)
    expect("`live`", context.image(context.repository(), "live"), live)
    return f"{reason}; {len(tasks)} tasks serve on, still image {live[7:19]}"


def _delivered_all_the_same(own: OwnImage) -> str:
    """Say what follows of a version that nothing has stopped."""
    context = own.context
    _, failures = ask(context, context.host, own.port, own.path, 0)
    if own.settings.service.health_check_command is None:
        context.report.advise(NO_HEALTH_CHECK)
        why = "nothing notices it: there is no health check"
    else:
        context.report.advise(
            "health_check_command passes in a container that listens nowhere: a version that never "
            "answers is delivered."
        )
        why = "the health check does not notice it"
    silent = "nobody answers" if failures else "somebody answers"
    return f"DELIVERED, and {silent} at the name any more: {why}"


# --- SIGTERM --------------------------------------------------------------------------------------


def _have_init(context: ContainerContext) -> bool:
    """Say whether the containers have an init process, as they have on Fargate if they want one."""
    return all(each["HostConfig"].get("Init") for each in context.containers().values())


def sigterm(own: OwnImage, tasks: list[str]) -> str:
    """Wait until replaced tasks have ended, and tell how they did."""
    context, service = own.context, own.settings.service
    timeout = service.stop_timeout_seconds
    wait_until(
        "the replaced tasks ended",
        lambda: context.have_stopped(tasks),
        timeout + _STOP_MARGIN_SECONDS,
    )
    described = context.described(tasks)
    codes = {container["exitCode"] for task in described for container in task["containers"]}
    took = max((task["stoppedAt"] - task["stoppingAt"]).total_seconds() for task in described)
    if KILLED in codes and service.enable_execute_command and not _have_init(context):
        context.report.leave_out(
            "what your container does at SIGTERM: with enable_execute_command an init process"
            " passes it on, and this engine has none"
        )
        return "not shown: this engine has no init process"
    if KILLED in codes:
        context.report.advise(
            f"Your container ignores SIGTERM: expected that it ends within stop_timeout_seconds"
            f" ({timeout}); ECS had to kill it, with whatever it was doing. The first process of a"
            " container gets no signal that it does not handle: handle SIGTERM, start the service"
            " with exec, or set enable_execute_command, which brings an init process."
        )
        return f"killed after {timeout} s: it ignores SIGTERM"
    enough = service.dns_ttl_seconds + _DNS_SECONDS
    if took < enough:
        context.report.advise(
            f"Your container ends {took:.0f} s after SIGTERM. Callers may have its address for"
            f" {enough} s (dns_ttl_seconds, and up to {_DNS_SECONDS} for DNS): a delivery costs"
            " them failed calls, unless it serves on for DRAIN_SECONDS, which its environment has."
        )
    return f"ended {took:.0f} s after SIGTERM, {', '.join(map(exit_code, sorted(codes)))}"
