"""A delivery under load, by the deployed pipeline: new tasks first, then the old ones drain."""

import json
import secrets
import time
from typing import Any

from tools.rehearsal.containers.load import Load
from tools.rehearsal.containers.stage import wait_until
from tools.rehearsal.expectation import expect, expect_all, expect_true
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.pipeline_run import PipelineRun
from tools.rehearsal.world import SERVICE

_BASELINE_SECONDS = 3.0
# The resolver hears of a change after a quarter of a second at most; the rest is for slow machines.
_LATE_SECONDS = 1.5


class RollingDelivery:
    """``deliver`` returns when the new tasks serve, ``let_go`` when the old ones are gone."""

    def __init__(self, load: Load, docker: DockerCommand) -> None:
        self._load = load
        self._stage = load.stage
        self._docker = docker
        self._old = load.stage.containers()
        self._told = 0.0

    def deliver(self) -> str:
        """Build, push, roll out and promote; the name never has too few addresses."""

        def rollout_begins() -> None:
            time.sleep(_BASELINE_SECONDS)
            self._load.note("rollout begins")

        pipeline = PipelineRun(self._stage.world, self._docker)
        began = time.time()
        pipeline.run(secrets.token_hex(20), before={"Deploy": rollout_begins})
        new = {k: v for k, v in self._stage.containers().items() if k not in self._old}
        expect("new tasks", len(new), len(self._old))
        states = {task["lastStatus"] for task in self._stage.described(list(self._old))}
        expect_true(f"old tasks stop: {states}", holds=states <= {"STOPPING", "STOPPED"})
        found = [each["Attributes"]["AWS_INSTANCE_IPV4"] for each in self._stage.instances()]
        addresses = [self._stage.address(each) for each in new.values()]
        expect_all("what Cloud Map discovers", found, addresses)
        fewest = self._load.fewest_addresses(began)
        expect_true(f"addresses at any time: {fewest}", holds=fewest >= len(self._old))
        self._told = self._load.note("SIGTERM to the old", self._first_sigterm())
        return f"{len(new)} new tasks, then SIGTERM to the old; never fewer than {fewest} addresses"

    def let_go(self) -> str:
        """Wait until the old tasks have left; compare with the TTL and the stop timeout."""
        stage, old = self._stage, list(self._old)
        container = stage.world.task_definition()["containerDefinitions"][0]
        timeout, ttl = container["stopTimeout"], stage.ttl
        wait_until("the old tasks ended", lambda: stage.have_stopped(old), timeout)
        ended = max(task["stoppedAt"].timestamp() for task in stage.described(old))
        # ECS tells whole seconds.
        took = self._load.note("old tasks gone", min(ended + 1, time.time())) - self._told
        codes = {task["containers"][0]["exitCode"] for task in stage.described(old)}
        expect("exit codes of the old tasks", codes, {0})
        last = self._last_call()
        late = last <= ttl + _LATE_SECONDS
        expect_true(f"their last call {last:.1f} s after SIGTERM is within the TTL", holds=late)
        failed = len(self._load.calls("plain").failed)
        if _drain_seconds(container) > ttl + _LATE_SECONDS:
            expect("failures until now without trying again", failed, 0)
        return (
            f"last called {last:.1f} s after SIGTERM (TTL {ttl} s), gone after {took:.0f} s (stop "
            f"timeout {timeout} s); failures without trying again: {failed}"
        )

    def _last_call(self) -> float:
        """Return how long after SIGTERM an old task was called by those who honour the TTL."""
        addresses = {self._stage.address(each) for each in self._old.values()}
        return max(
            float(call["at"]) - self._told
            for mode in ("careful", "plain")
            for call in self._load.calls(mode).requests
            if call["from"] in addresses
        )

    def _first_sigterm(self) -> float:
        """Return when the first of the old tasks was told, by what they logged."""
        group = self._stage.world.outputs(SERVICE)["LogGroupName"]
        events = self._stage.world.aws.client("logs").filter_log_events(logGroupName=group)[
            "events"
        ]
        times = [
            event["timestamp"] / 1000
            for event in events
            if json.loads(event["message"])["message"].startswith("draining")
            and event["logStreamName"].rpartition("/")[2] in self._old
        ]
        return min(times, default=time.time())


def _drain_seconds(container: dict[str, Any]) -> float:
    environment = {each["name"]: each["value"] for each in container["environment"]}
    return float(environment["DRAIN_SECONDS"])
