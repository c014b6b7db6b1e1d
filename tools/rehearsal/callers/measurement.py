"""A delivery and a killed task, while another service keeps calling the sample."""

import json
import time
from dataclasses import dataclass
from typing import Any

from tools.rehearsal.callers.calls import MODES, Callers, calling
from tools.rehearsal.containers.task_containers import TaskContainers
from tools.rehearsal.expectation import expect, expect_true, wait_until
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.scenarios.shared_core import CALLER, another_service

_QUIET_SECONDS = 3.0  # before each event
# The resolver hears of a change 0.25 s after its delay; the rest is for slow machines.
_LATE_SECONDS = 1.5


def measure(rehearsal: Rehearsal, tasks: TaskContainers) -> None:
    """Deploy two services, and report what one sees when the other is delivered or loses a task.

    Raises ``RehearsalError`` if a caller that honours the TTL notices the delivery, or if one that
    also tries again notices anything.
    """
    context, report = rehearsal.context, rehearsal.context.report
    with report.step("cdk deploy --all of two services") as step:
        rehearsal.files.write("caller.env", **another_service("Caller", "ecsdemo-caller"))
        context.workspace.deploy(env_file=rehearsal.files.selection)
        rehearsal.settle()
        url = f"http://{context.outputs()['ServiceDiscoveryEndpoint']}/"
        step.note = f"{url}, {len(context.tasks())} tasks"
    (caller,) = tasks.running(context.outputs(CALLER)["TaskDefinitionFamily"]).values()
    with calling(tasks.engine, caller["Id"], url) as callers:
        measurement = Measurement(rehearsal, tasks, callers)
        with report.step("A version is delivered") as step:
            step.note = measurement.deliver()
        if len(context.tasks()) > 1:
            with report.step("A task is killed") as step:
                step.note = measurement.kill_task()
        seen = {mode: callers.calls(mode) for mode in MODES}
    for mode, calls in seen.items():
        with report.step(f"{mode} caller: {MODES[mode]}") as step:
            step.note = str(calls)
            if mode == "careful":
                expect("requests of the careful caller that failed", calls.failed, [])


@dataclass(frozen=True)
class Measurement:
    """Each method brings an event about, and returns in words what callers saw of it."""

    rehearsal: Rehearsal
    tasks: TaskContainers
    callers: Callers

    def deliver(self) -> str:
        """Deliver a version; nobody who honours the TTL may notice it."""
        context, callers, old, began = self.rehearsal.context, self.callers, self._running(), 0.0

        def rollout_begins() -> None:
            nonlocal began
            time.sleep(_QUIET_SECONDS)
            began = time.time()

        self.rehearsal.pipeline.run(self.rehearsal.commit, before={"Deploy": rollout_begins})
        sigterm = self._first_sigterm([*old])
        wait_until("the old tasks have ended", lambda: context.have_stopped([*old]))
        ended = max(task["stoppedAt"].timestamp() for task in context.described([*old]))
        self._wait_for_callers(sigterm)
        addresses = {self.tasks.address(each) for each in old.values()}
        last = max(
            float(call["at"]) - sigterm
            for mode in MODES
            for call in callers.calls(mode).requests
            if call["from"] in addresses
        )
        failed = callers.calls("plain").since(began).failed
        expect("requests of the plain caller that failed", failed, [])
        fewest = self.tasks.feed.fewest(context.host(), began)
        return (
            f"old tasks: last called {last:.1f} s after SIGTERM, gone after"
            f" {ended - sigterm:.0f} s; never fewer than {fewest} addresses;"
            f" {callers.failures(began)}"
        )

    def kill_task(self) -> str:
        """Kill a task; callers that do not try again fail until DNS has heard of it."""
        context, callers = self.rehearsal.context, self.callers
        victim, container = next(iter(self._running().items()))
        count = len(context.task_ids())
        time.sleep(_QUIET_SECONDS)
        killed = time.time()
        self.tasks.engine("kill", "--signal=KILL", container["Id"])

        def is_replaced() -> bool:
            ids = context.task_ids()
            return len(ids) == count == len(context.instances()) and victim not in ids

        replaced = wait_until("the task is replaced", is_replaced)
        self._wait_for_callers(killed)
        failed = callers.calls("plain").since(killed).failed
        last = max((each["at"] - killed for each in failed), default=0.0)
        known = self._known_seconds + 1
        expect_true(f"plain callers recover in {known:g} s: {last:.1f} s", holds=last <= known)
        return (
            f"replaced after {replaced:.1f} s; {callers.failures(killed)}, the last without another"
            f" attempt after {last:.1f} s"
        )

    @property
    def _known_seconds(self) -> float:
        """How long a caller that honours the TTL may have the address of a task that has left."""
        ttl = self.rehearsal.service.settings.service.dns_ttl_seconds
        return ttl + self.tasks.delays.records + _LATE_SECONDS

    def _wait_for_callers(self, since: float) -> None:
        """Wait until no caller can have an address that was right at that time, and is not now."""
        self.rehearsal.settle()
        time.sleep(max(0.0, since + self._known_seconds - time.time()))

    def _running(self) -> dict[str, dict[str, Any]]:
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
