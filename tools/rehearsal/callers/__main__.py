"""What callers see of a delivery, at AWS's pace: ``python -m tools.rehearsal.callers``."""

from tools.command_line import run

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdk_rehearsal import ConsoleReport, Delays, ScratchDirectory, expect, wait_until
from cdk_rehearsal.containers import NoEngineError, TaskContainers, copy_program, program
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.rehearse import FAILURES, find_engine, start
from tools.rehearsal.rehearsed_service import sample_service
from tools.rehearsal.scenarios.shared_core import CALLER, another_service

_PROGRAM = Path(__file__).with_name("caller.py")
_RATE = 20  # requests per second
_MOST_SECONDS = 1800  # of a caller whose rehearsal was killed
# The resolver may hear of a change a second late; the rest is for slow machines.
_LATE_SECONDS = 2.5


def main() -> None:
    """Measure the sample; exit with 1 and the reason if a caller saw what it should not see."""
    parser = argparse.ArgumentParser(prog="python -m tools.rehearsal.callers", description=__doc__)
    parser.add_argument(
        "--working-tree",
        action="store_true",
        help="deliver the files as they are on disk, and not as they are committed",
    )
    given = parser.parse_args()
    report, delays = ConsoleReport(), Delays()
    service = sample_service(working_tree=given.working_tree)
    report.section("Start")
    report.say(
        f"At AWS's pace: Cloud Map acts on health after {delays.custom_health:g} s, DNS hears of"
        f" changes after {delays.records:g} s."
    )
    try:
        engine = find_engine(report, service)
        if engine is None:
            sys.exit("Nothing can be measured without a container engine.")
        with start(report, service, engine, delays, desired_count="3") as rehearsal:
            if rehearsal.containers is None:
                raise NoEngineError("the local AWS runs no containers")
            measure(rehearsal, rehearsal.containers)
    except FAILURES as error:
        sys.exit(f"\nThe measurement failed: {error}")
    report.end(f"{report.steps} steps in {report.seconds:.0f} s.")


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
        step.note = _deliver(rehearsal, tasks, requests)


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


def _deliver(rehearsal: Rehearsal, tasks: TaskContainers, file: Path) -> str:
    """Deliver a version, which no request may notice; return in words what was seen.

    ``file`` has the requests, one a line.
    """
    context, began = rehearsal.context, 0.0
    old = tasks.running(context.outputs()["TaskDefinitionFamily"])

    def rollout_begins() -> None:
        nonlocal began
        began = time.time()

    rehearsal.pipeline.run(rehearsal.commit, before={"Deploy": rollout_begins})
    wait_until("the old tasks have ended", lambda: context.have_stopped([*old]))
    stopped = context.described([*old])
    sigterm = min(task["stoppingAt"].timestamp() for task in stopped)
    ended = max(task["stoppedAt"].timestamp() for task in stopped)
    rehearsal.settle()
    # So long may a caller that honours the TTL have the address of a task that has left.
    known = rehearsal.service.settings.service.dns_ttl_seconds + tasks.delays.records
    time.sleep(max(0.0, sigterm + known + _LATE_SECONDS - time.time()))
    addresses = {tasks.address(each) for each in old.values()}
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    all_requests = [json.loads(line) for line in lines if line.endswith("\n")]
    requests = [each for each in all_requests if each["at"] >= began]
    last = max(float(each["at"]) for each in requests if each["from"] in addresses) - sigterm
    failed = [each for each in requests if each["error"]]
    expect(f"of {len(requests)} requests those that failed", failed, [])
    fewest = tasks.feed.fewest(context.host(), began)
    return (
        f"old tasks: last called {last:.1f} s after SIGTERM, gone after {ended - sigterm:.0f} s;"
        f" never fewer than {fewest} addresses; none of {len(requests)} requests failed"
    )


if __name__ == "__main__":
    run(main, stopped="The measurement was interrupted; the local AWS is stopped.")
