"""A task that is killed, as when its host is lost: no SIGTERM, no drain."""

import time

from tools.rehearsal.containers.load import Load
from tools.rehearsal.containers.stage import wait_until
from tools.rehearsal.expectation import expect_true

_BEFORE_SECONDS = 2.0
_AFTER_SECONDS = 2.0
_REPLACEMENT_SECONDS = 30


def kill_task(load: Load) -> str:
    """Kill one; it leaves the name and is replaced, and callers recover within the TTL."""
    stage = load.stage
    victim, container = next(iter(stage.containers().items()))
    address, count = stage.address(container), len(stage.running())
    time.sleep(_BEFORE_SECONDS)
    killed = load.note("task killed")
    stage.engine("kill", "--signal=KILL", container["Id"])

    def unnamed() -> bool:
        found = [each["Attributes"]["AWS_INSTANCE_IPV4"] for each in stage.instances()]
        return address not in found

    def replaced() -> bool:
        healthy = [each["HealthStatus"] for each in stage.instances()]
        return healthy == ["HEALTHY"] * count and victim not in stage.running()

    left = wait_until("its name points at it no more", unnamed, stage.ttl)
    back = left + wait_until("it is replaced", replaced, _REPLACEMENT_SECONDS)
    load.note("replaced", killed + back)
    time.sleep(max(0.0, killed + stage.ttl + _AFTER_SECONDS - time.time()))
    failed = load.calls("plain", killed).failed
    last = max((each["at"] - killed for each in failed), default=0.0)
    expect_true(
        f"plain callers recover within TTL and a second: {last:.1f} s", holds=last <= stage.ttl + 1
    )
    return (
        f"unnamed after {left:.1f} s, replaced after {back:.1f} s; the plain caller failed "
        f"{len(failed)} times, the last time after {last:.1f} s"
    )
