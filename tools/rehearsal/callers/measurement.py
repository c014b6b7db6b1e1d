"""A delivery, a bad version and a killed task, while another service keeps calling the sample."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.rehearsal import bad_versions
from tools.rehearsal.callers.calls import MODES, Load, calling, summary
from tools.rehearsal.callers.chart import draw
from tools.rehearsal.containers.task_containers import TaskContainers
from tools.rehearsal.expectation import RehearsalError, expect, expect_true, wait_until
from tools.rehearsal.pipeline.pipeline_run import ActionFailedError
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.scenarios.shared_core import CALLER, another_service

_IN_SHORT = {
    "careful": "tries again elsewhere",
    "plain": "never tries again",
    "forever": "looks the name up once",
}
_QUIET_SECONDS = 3.0  # before each event, so that the chart shows what is normal
# The resolver hears of a change 0.25 s after its delay; the rest is for the scheduling of processes.
_LATE_SECONDS = 1.5


def measure(rehearsal: Rehearsal, tasks: TaskContainers, chart: Path) -> None:
    """Deploy two services, measure and judge the calls of one to the other, and draw the chart.

    Raises ``RehearsalError`` if a caller that honours the TTL notices the delivery, or if one that
    tries again notices anything.
    """
    context, report = rehearsal.context, rehearsal.context.report
    with report.step("cdk deploy --all of two services") as step:
        rehearsal.files.write("caller.env", **another_service("Caller", "ecsdemo-caller"))
        context.workspace.deploy(env_file=rehearsal.files.selection)
        rehearsal.settle()
        url = f"http://{context.outputs()['ServiceDiscoveryEndpoint']}/"
        step.note = f"{url}, {len(context.tasks())} tasks"
    (caller,) = tasks.running(context.outputs(CALLER)["TaskDefinitionFamily"]).values()
    with calling(tasks.engine, caller["Id"], url, MODES) as callers:
        measurement = Measurement(rehearsal, tasks, Load(feed=tasks.feed, callers=callers))
        events: list[tuple[str, Callable[[], str]]] = [
            ("A version is delivered under load", measurement.deliver),
            ("Then a version that crashes at its start", measurement.deliver_bad_version),
        ]
        if len(context.tasks()) > 1:
            events.append(("A task is killed", measurement.kill_task))
        for what, event in events:
            with report.step(what) as step:
                step.note = event()
        seen = [measurement.load.calls(mode) for mode in MODES]
    for calls in seen:
        with report.step(f"{calls.mode} caller: {_IN_SHORT[calls.mode]}") as step:
            step.note = summary(calls)
            if calls.mode == "careful":
                expect("requests of the careful caller that failed", calls.failed, [])
    with report.step("A chart of the requests") as step:
        draw(chart, seen, measurement.load.events)
        step.note = str(chart)


@dataclass(frozen=True)
class Measurement:
    """Each method brings an event about, and returns in words what callers saw of it."""

    rehearsal: Rehearsal
    tasks: TaskContainers
    load: Load

    def deliver(self) -> str:
        """Deliver a version; nobody who honours the TTL may notice it."""
        context, load = self.rehearsal.context, self.load
        old, ttl = self._running(), self.rehearsal.service.settings.service.dns_ttl_seconds
        began = self._deliver("rollout begins")
        sigterm = load.note("SIGTERM to the old", self._first_sigterm(list(old)))
        wait_until("the old tasks have ended", lambda: context.have_stopped([*old]))
        ended = max(task["stoppedAt"].timestamp() for task in context.described([*old]))
        # ECS tells whole seconds.
        gone = load.note("old tasks gone", min(ended + 1, time.time())) - sigterm
        self.rehearsal.settle()
        self._wait_for_callers(sigterm)
        addresses = {self.tasks.address(each) for each in old.values()}
        last = max(
            float(call["at"]) - sigterm
            for mode in ("careful", "plain")
            for call in load.calls(mode).requests
            if call["from"] in addresses
        )
        expect("failures without trying again", load.calls("plain", began).failed, [])
        return (
            f"last called {last:.1f} s after SIGTERM (TTL {ttl} s), gone after {gone:.0f} s, never"
            f" fewer than {load.fewest_addresses(context.host(), began)} addresses;"
            f" {load.failures(began)}"
        )

    def deliver_bad_version(self) -> str:
        """Deliver a version that crashes; ECS rolls it back, and its address is never known."""
        context, docker = self.rehearsal.context, self.rehearsal.docker
        engine, image = self.tasks.engine, docker.images()[-1].removeprefix("sha256:")
        architecture = engine("image", "inspect", "--format", "{{.Architecture}}", image)
        before, began = context.task_ids(), time.time()
        try:
            with docker.deriving(bad_versions.exits_at_once(architecture)):
                began = self._deliver("crashing version")
        except ActionFailedError as failure:
            reason = str(failure).rpartition(": ")[2]
        else:
            raise RehearsalError("a version that crashes at its start was delivered")
        wait_until("it is rolled back", context.is_steady)
        self.load.note("rolled back")
        expect("the tasks that run", sorted(context.task_ids()), sorted(before))
        return f"{reason}; {self.load.failures(began)}"

    def kill_task(self) -> str:
        """Kill a task; callers that do not try again fail until DNS has heard of it."""
        context, load = self.rehearsal.context, self.load
        victim, container = next(iter(self._running().items()))
        address, count = self.tasks.address(container), len(context.task_ids())
        time.sleep(_QUIET_SECONDS)
        killed = load.note("task killed")
        self.tasks.engine("kill", "--signal=KILL", container["Id"])

        def names_it_no_more() -> bool:
            found = [each["Attributes"]["AWS_INSTANCE_IPV4"] for each in context.instances()]
            return address not in found

        def is_replaced() -> bool:
            ids = context.task_ids()
            return len(ids) == count == len(context.instances()) and victim not in ids

        left = wait_until("Cloud Map names the task no more", names_it_no_more)
        back = left + wait_until("the task is replaced", is_replaced)
        load.note("replaced", killed + back)
        self.rehearsal.settle()
        self._wait_for_callers(killed)
        failed = load.calls("plain", killed).failed
        last = max((each["at"] - killed for each in failed), default=0.0)
        expect_true(
            f"plain callers recover within the TTL and the delay: {last:.1f} s",
            holds=last <= self._known_seconds + 1,
        )
        return (
            f"unnamed after {left:.1f} s, replaced after {back:.1f} s; {load.failures(killed)}, the"
            f" last without another attempt after {last:.1f} s"
        )

    def _deliver(self, event: str) -> float:
        """Run the pipeline; return when the rollout began."""
        began = 0.0

        def rollout_begins() -> None:
            nonlocal began
            time.sleep(_QUIET_SECONDS)
            began = self.load.note(event)

        self.rehearsal.pipeline.run(self.rehearsal.commit, before={"Deploy": rollout_begins})
        return began

    @property
    def _known_seconds(self) -> float:
        """How long a caller that honours the TTL may have the address of a task that has left."""
        ttl = self.rehearsal.service.settings.service.dns_ttl_seconds
        return ttl + self.tasks.delays.records + _LATE_SECONDS

    def _wait_for_callers(self, since: float) -> None:
        time.sleep(max(0.0, since + self._known_seconds - time.time()))

    def _running(self) -> dict[str, dict[str, object]]:
        return self.tasks.running(self.rehearsal.context.outputs()["TaskDefinitionFamily"])

    def _first_sigterm(self, tasks: list[str]) -> float:
        """Return when the first of the tasks got SIGTERM, by what they logged."""
        context = self.rehearsal.context
        group = context.outputs()["LogGroupName"]
        events = context.aws.client("logs").filter_log_events(logGroupName=group)["events"]
        times = [
            event["timestamp"] / 1000
            for event in events
            if json.loads(event["message"])["message"].startswith("draining")
            and event["logStreamName"].rpartition("/")[2] in tasks
        ]
        return min(times, default=time.time())
