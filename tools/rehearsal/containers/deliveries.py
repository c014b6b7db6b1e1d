"""Deliveries and failures under load: careful callers in another service must not notice."""

import json
import secrets
import time
from dataclasses import replace
from pathlib import Path

from tools.rehearsal.containers.callers import MODES, Load, calling, summary
from tools.rehearsal.containers.chart import draw
from tools.rehearsal.containers.context import ORDERS, ContainerContext
from tools.rehearsal.context import SERVICE
from tools.rehearsal.expectation import (
    RehearsalError,
    expect,
    expect_all,
    expect_true,
    wait_until,
)
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.pipeline_run import ActionFailedError, PipelineRun
from tools.rehearsal.pipeline.source_tree import Source

DOCKERFILE = "application-code/ecsdemo-backend/Dockerfile"
_LAST_LINE = b'\nCMD ["python", "-c", "raise SystemExit(\'this version crashes at its start\')"]\n'

_IN_SHORT = {
    "careful": "tries again elsewhere",
    "plain": "never tries again",
    "forever": "looks the name up once",
}

_BEFORE_DELIVERY_SECONDS = 3.0
_BEFORE_KILL_SECONDS = 2.0
# Beside its delay the resolver hears of a change after a quarter of a second; the rest is for slow
# machines.
_LATE_SECONDS = 1.5
_SETTLED_SECONDS = 30
_ROLLBACK_SECONDS = 30
_REPLACEMENT_SECONDS = 30
_ENOUGH_SECONDS = 90

_REGISTERED = (
    "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "cpu",
    "memory", "requiresCompatibilities", "runtimePlatform",
)  # fmt: skip


def run(context: ContainerContext, docker: DockerCommand, chart: Path) -> None:
    """Deliver a version, deliver a bad one, kill a task, while three callers go on calling."""
    report = context.report
    (orders,) = context.containers(ORDERS).values()
    with calling(context.engine, orders["Id"], context.url, MODES) as callers:
        load = Load(context=context, callers=callers)
        delivery = RollingDelivery(load, docker)
        with report.step("A version is delivered under load") as step:
            step.note = delivery.deliver()
        with report.step("The old tasks drain and leave") as step:
            step.note = delivery.let_go()
        with report.step("Then a version that crashes at its start") as step:
            step.note = deliver_bad_version(load, docker)
        if len(context.running()) > 1:
            with report.step("A task is killed") as step:
                step.note = kill_task(load)
        seen = [load.calls(mode) for mode in MODES]
    for calls in seen:
        with report.step(f"{calls.mode} caller: {_IN_SHORT[calls.mode]}") as step:
            step.note = summary(calls)
            if calls.mode == "careful" and _drain_lasts(context):
                expect("requests of the careful caller that failed", calls.failed, [])
    with report.step("A chart of the requests") as step:
        draw(chart, seen, load.events)
        figures = [load.events, {calls.mode: calls.requests for calls in seen}]
        # Not the chart's name with another suffix: that may be a file of the user's.
        chart.with_name(f"{chart.name}.json").write_text(json.dumps(figures), encoding="utf-8")
        step.note = str(chart)


def set_drain(context: ContainerContext, seconds: int) -> None:
    """Put a revision in service whose tasks serve on for so long after SIGTERM."""
    ecs, service = context.aws.client("ecs"), context.service()
    definition = context.task_definition()
    revision = {key: definition[key] for key in _REGISTERED if key in definition}
    (container,) = revision["containerDefinitions"]
    for variable in container["environment"]:
        if variable["name"] == "DRAIN_SECONDS":
            variable["value"] = str(seconds)
    arn = ecs.register_task_definition(**revision)["taskDefinition"]["taskDefinitionArn"]
    old = context.running()
    ecs.update_service(
        cluster=service["clusterArn"], service=service["serviceName"], taskDefinition=arn
    )
    wait_until("it is rolled out", context.is_steady, _ENOUGH_SECONDS)
    wait_until("the others left", lambda: context.have_stopped(old), _ENOUGH_SECONDS)
    settle(context)


def settle(context: ContainerContext) -> None:
    """Wait until Cloud Map has acted on the health of all tasks, and DNS has heard of it."""
    delays = context.delays
    health = delays.custom_health + _SETTLED_SECONDS
    wait_until("Cloud Map finds all tasks healthy", context.is_found_healthy, health)
    told = delays.records + _SETTLED_SECONDS
    wait_until("DNS has heard of it", context.feed.has_told, told)


def _drain_lasts(context: ContainerContext) -> bool:
    """Say whether a stopping task serves on until nobody who honours the TTL has its address."""
    (container,) = context.task_definition()["containerDefinitions"]
    environment = {each["name"]: each["value"] for each in container["environment"]}
    known = context.ttl + context.delays.records
    return float(environment["DRAIN_SECONDS"]) > known + _LATE_SECONDS


class RollingDelivery:
    """``deliver`` returns when the new tasks serve, ``let_go`` when nobody calls the old ones."""

    def __init__(self, load: Load, docker: DockerCommand) -> None:
        self._load = load
        self._context = load.context
        self._docker = docker
        self._old = load.context.containers()
        self._addresses: list[str] = []
        self._began = self._told = 0.0

    def deliver(self) -> str:
        """Build, push, roll out and promote; the name never has too few addresses."""

        def rollout_begins() -> None:
            time.sleep(_BEFORE_DELIVERY_SECONDS)
            self._began = self._load.note("rollout begins")

        pipeline = PipelineRun(self._context, self._docker)
        pipeline.run(secrets.token_hex(20), before={"Deploy": rollout_begins})
        new = {k: v for k, v in self._context.containers().items() if k not in self._old}
        expect("new tasks", len(new), len(self._old))
        states = {task["lastStatus"] for task in self._context.described(list(self._old))}
        expect_true(f"old tasks stop: {states}", holds=states <= {"STOPPING", "STOPPED"})
        self._addresses = [self._context.address(each) for each in new.values()]
        self._told = self._load.note("SIGTERM to the old", self._first_sigterm())
        return f"new tasks: {len(new)}; then SIGTERM to the old"

    def let_go(self) -> str:
        """Wait until the old tasks have left; compare with TTL, delays and stop timeout."""
        context, old = self._context, list(self._old)
        container = context.task_definition()["containerDefinitions"][0]
        timeout, ttl = container["stopTimeout"], context.ttl
        wait_until("the old tasks ended", lambda: context.have_stopped(old), timeout)
        ended = max(task["stoppedAt"].timestamp() for task in context.described(old))
        # ECS tells whole seconds.
        took = self._load.note("old tasks gone", min(ended + 1, time.time())) - self._told
        codes = {task["containers"][0]["exitCode"] for task in context.described(old)}
        expect("exit codes of the old tasks", codes, {0})
        settle(context)
        found = [each["Attributes"]["AWS_INSTANCE_IPV4"] for each in context.instances()]
        expect_all("what Cloud Map discovers", found, self._addresses)
        known = ttl + context.delays.records + _LATE_SECONDS
        time.sleep(max(0.0, self._told + known - time.time()))
        last = self._last_call()
        expect_true(f"their last call {last:.1f} s after SIGTERM is in time", holds=last <= known)
        if _drain_lasts(context):
            expect("failures without trying again", self._load.calls("plain").failed, [])
        fewest = self._load.fewest_addresses(self._began)
        # Cloud Map acts on the health of one new task after the other.
        least = 1 if context.delays.custom_health else len(old)
        expect_true(f"addresses at any time: {fewest}", holds=fewest >= least)
        return (
            f"last called {last:.1f} s after SIGTERM (TTL {ttl} s), gone after {took:.0f} s (stop "
            f"timeout {timeout} s), never fewer than {fewest} addresses; "
            f"{self._load.failures(self._began)}"
        )

    def _last_call(self) -> float:
        """Return how long after SIGTERM an old task was called by those who honour the TTL."""
        addresses = {self._context.address(each) for each in self._old.values()}
        return max(
            float(call["at"]) - self._told
            for mode in ("careful", "plain")
            for call in self._load.calls(mode).requests
            if call["from"] in addresses
        )

    def _first_sigterm(self) -> float:
        """Return when the first of the old tasks was told, by what they logged."""
        group = self._context.outputs(SERVICE)["LogGroupName"]
        logs = self._context.aws.client("logs")
        events = logs.filter_log_events(logGroupName=group)["events"]
        times = [
            event["timestamp"] / 1000
            for event in events
            if json.loads(event["message"])["message"].startswith("draining")
            and event["logStreamName"].rpartition("/")[2] in self._old
        ]
        return min(times, default=time.time())


class BadVersion(PipelineRun):
    """The deployed pipeline, given this project with another last line in the Dockerfile."""

    def source_of(self, commit: str) -> Source:
        """Return the project's source with the other Dockerfile."""
        source = super().source_of(commit)
        files = {**source.files, DOCKERFILE: source.files[DOCKERFILE] + _LAST_LINE}
        return replace(source, files=files)


def deliver_bad_version(load: Load, docker: DockerCommand) -> str:
    """Deliver it; ECS rolls back, the tasks before it serve on, and `live` stays where it is."""
    context = load.context
    before, tasks = context.task_definition()["taskDefinitionArn"], context.running()
    live = context.image(context.repository(), "live")
    began = 0.0
    # Cloud Map answers with all that it has while it takes none for healthy.
    settle(context)

    def rollout_begins() -> None:
        nonlocal began
        began = load.note("crashing version")

    try:
        BadVersion(context, docker).run(secrets.token_hex(20), before={"Deploy": rollout_begins})
    except ActionFailedError as failure:
        if failure.action != "Deploy":
            raise
        reason = str(failure).rpartition(": ")[2]
    else:
        raise RehearsalError("a version that crashes at its start was delivered")
    wait_until("it is rolled back", context.is_steady, _ROLLBACK_SECONDS)
    load.note("rolled back")
    expect("the revision in service", context.task_definition()["taskDefinitionArn"], before)
    expect_all("the tasks that run", context.running(), tasks)
    expect("fewest addresses meanwhile", load.fewest_addresses(began), len(tasks))
    expect("`live`", context.image(context.repository(), "live"), live)
    return (
        f"{reason} The tasks before it serve on: {len(tasks)}; `live` is {live[7:19]}; "
        f"{load.failures(began)}"
    )


def kill_task(load: Load) -> str:
    """Kill one; it leaves the name and is replaced, and callers recover when DNS has heard."""
    context = load.context
    victim, container = next(iter(context.containers().items()))
    address, count = context.address(container), len(context.running())
    time.sleep(_BEFORE_KILL_SECONDS)
    killed = load.note("task killed")
    context.engine("kill", "--signal=KILL", container["Id"])

    def unnamed() -> bool:
        found = [each["Attributes"]["AWS_INSTANCE_IPV4"] for each in context.instances()]
        return address not in found

    def replaced() -> bool:
        running = context.running()
        return len(running) == count and victim not in running and len(context.instances()) == count

    known = context.ttl + context.delays.records
    left = wait_until("its name points at it no more", unnamed, context.ttl)
    patience = _REPLACEMENT_SECONDS + context.delays.custom_health
    back = left + wait_until("it is replaced", replaced, patience)
    load.note("replaced", killed + back)
    settle(context)
    time.sleep(max(0.0, killed + known + _LATE_SECONDS - time.time()))
    failed = load.calls("plain", killed).failed
    last = max((each["at"] - killed for each in failed), default=0.0)
    expect_true(f"plain callers recover in time: {last:.1f} s", holds=last <= known + 1)
    return (
        f"unnamed after {left:.1f} s, replaced after {back:.1f} s; {load.failures(killed)}, the "
        f"last without another attempt after {last:.1f} s"
    )
