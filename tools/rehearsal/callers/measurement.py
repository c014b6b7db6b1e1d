"""A delivery, while another service keeps calling the sample."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_rehearsal import ScratchDirectory, expect, wait_until
from cdk_rehearsal.containers import TaskContainers, copy_program, program
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.scenarios.shared_core import CALLER, another_service

_PROGRAM = Path(__file__).with_name("caller.py")
_RATE = 20  # requests per second
_MOST_SECONDS = 1800  # of a caller whose rehearsal was killed
_QUIET_SECONDS = 3.0  # before each event
# The resolver may hear of a change a second late; the rest is for slow machines.
_LATE_SECONDS = 2.5


def measure(rehearsal: Rehearsal, tasks: TaskContainers) -> None:
    """Deploy two services, and report what one sees while the other is delivered.

    Raises ``RehearsalError`` if a caller that honours the TTL notices the delivery.
    """
    context, report = rehearsal.context, rehearsal.context.report
    with report.step("cdk deploy --all of two services") as step:
        rehearsal.files.write("caller.env", **another_service("Caller", "ecsdemo-caller"))
        context.workspace.deploy(env_file=rehearsal.files.selection)
        rehearsal.settle()
        url = f"http://{context.outputs()['ServiceDiscoveryEndpoint']}/"
        step.note = f"{url}, {len(context.tasks())} tasks"
    with (
        _calling(rehearsal, tasks, url) as requests,
        report.step("A version is delivered") as step,
    ):
        step.note = Measurement(rehearsal, tasks, requests).deliver()


@contextmanager
def _calling(rehearsal: Rehearsal, tasks: TaskContainers, url: str) -> Iterator[Path]:
    """Let the second service call a URL for the length of a block; yield the file of requests."""
    family = rehearsal.context.outputs(CALLER)["TaskDefinitionFamily"]
    (container,) = tasks.running(family).values()
    engine = tasks.engine
    copy_program(engine, container["Id"], _PROGRAM)
    with ScratchDirectory("callers") as scratch:
        file = scratch.path / "requests"
        with file.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(*engine.command, "exec", "--interactive", container["Id"]),
                    *program(_PROGRAM, url, str(_RATE), str(_MOST_SECONDS)),
                ],
                env=engine.environment,
                stdin=subprocess.PIPE,
                stdout=output,
            )
        try:
            yield file
        finally:
            process.communicate()  # closes its input


@dataclass(frozen=True)
class Measurement:
    """Delivers a version, and reads what the caller saw of it in the file of requests."""

    rehearsal: Rehearsal
    tasks: TaskContainers
    file: Path

    def requests(self, since: float) -> list[dict[str, Any]]:
        """Return the requests that began at a time or later and have ended."""
        text = self.file.read_text(encoding="utf-8")
        lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [each for each in map(json.loads, lines) if each["at"] >= since]

    def deliver(self) -> str:
        """Deliver a version, which no request may notice; return in words what was seen."""
        context, old, began = self.rehearsal.context, self._running(), 0.0

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
        requests = self.requests(began)
        last = max(float(each["at"]) for each in requests if each["from"] in addresses) - sigterm
        failed = [each for each in requests if each["error"]]
        expect(f"of {len(requests)} requests those that failed", failed, [])
        fewest = self.tasks.feed.fewest(context.host(), began)
        return (
            f"old tasks: last called {last:.1f} s after SIGTERM, gone after"
            f" {ended - sigterm:.0f} s; never fewer than {fewest} addresses; none of"
            f" {len(requests)} requests failed"
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
