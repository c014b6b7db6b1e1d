"""Deliveries of the rehearsed service: good versions, and bad ones that ECS rolls back.

Without a container engine tasks are records and nothing runs in them: then the deliveries show the
pipeline alone.
"""

import json
import secrets
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from cdk_rehearsal import RehearsalError, expect, expect_all, expect_true, wait_until
from cdk_rehearsal.bounds import SETTLE_SECONDS
from cdk_rehearsal.containers import TaskContainers
from cdk_rehearsal.pipelines import ActionFailedError, failure_of
from tools.init.proposal import NO_HEALTH_CHECK
from tools.rehearsal.ended_tasks import seen_in_failed_rollout
from tools.rehearsal.examination import KILLED, examine, examine_image, exit_code
from tools.rehearsal.image_errors import (
    ImageError,
    advice_on_sigterm,
    health_path,
    no_answer,
    not_built,
    not_healthy,
)
from tools.rehearsal.rehearsal import Rehearsal

_SECONDS_TO_LISTEN = 30.0  # at least
_FIRST_CALLS_SECONDS = 30.0  # then the container is examined before calls go on
_OTHER_IMAGE = "ARG BUILT\nFROM ${{BUILT}}\nLABEL rehearsal={}\n"


def first(rehearsal: Rehearsal) -> None:
    """Deliver the source, and call the service by its name."""
    report, context = rehearsal.context.report, rehearsal.context
    report.section("Deliveries")
    with report.step("docker in the builds") as step:
        step.note = rehearsal.docker.description
    with report.step(f"Build, release, rollout: {context.source.origin}") as step:
        before = context.live_image()
        live = deliver(rehearsal)
        expect_true("the image is another one than the first image", holds=live != before)
        step.note = f"image {live[7:19]} is live, {len(context.tasks())} tasks"
    _call_by_name(rehearsal)
    if rehearsal.containers and rehearsal.files.later_check:
        with report.step("The health check for the time after it") as step:
            step.note = _try_later_check(rehearsal, rehearsal.containers)


def roll_back(rehearsal: Rehearsal) -> None:
    """Deliver a version of the sample that ECS rolls back: nothing may promote it."""
    report, live = rehearsal.context.report, rehearsal.context.live_image()
    with report.step("A version that is rolled back after its rollout") as step:
        image = _deliver_and_roll_back(rehearsal)
        step.note = f"the promotion refuses it; {live[7:19]} is still live"
    if rehearsal.containers is None:
        # With an engine, versions that do not run show that a failed rollout changes nothing.
        with report.step(
            "A version that ECS gives up: the Deploy stage again, without its image"
        ) as step:
            _fail_to_roll_out(rehearsal, image)
            step.note = f"the delivery is stopped; {live[7:19]} is still live"


def again(rehearsal: Rehearsal) -> None:
    """Deliver the sample once more, then versions that do not run; look how replaced tasks end."""
    context = rehearsal.context
    if rehearsal.service.is_sample:
        with context.report.step("Another build of it is delivered") as step:
            before = context.live_image()
            live = deliver(rehearsal)
            step.note = f"image {live[7:19]} is live" + (", as before" if live == before else "")
    _call_by_name(rehearsal)
    if rehearsal.containers:
        with context.report.step("SIGTERM: the tasks that were replaced") as step:
            step.note = _end_of_tasks(rehearsal, rehearsal.containers)
        _deliver_bad_versions(rehearsal, rehearsal.containers)


def deliver(rehearsal: Rehearsal) -> str:
    """Run the pipeline, check what it has left, and return the digest of the live image.

    Raises ``ImageError`` if the image is the reason of a failure.
    """
    context, settings = rehearsal.context, rehearsal.service.settings
    try:
        rehearsal.pipeline.run(rehearsal.commit)
    except ActionFailedError as failure:
        if failure.action == "Build" and rehearsal.containers:
            raise not_built(settings, str(failure)) from None
        if failure.action == "Deploy" and rehearsal.containers:
            raise _not_healthy(rehearsal, rehearsal.containers, str(failure)) from None
        raise
    live = context.live_image()
    uri = context.outputs()["ImageRepositoryUri"]
    named = context.task_definition()["containerDefinitions"][0]["image"]
    expect("the image that the task definition names", named, f"{uri}@{live}")
    expect("the image that the tasks run", context.running_image(), live)
    return live


def _not_healthy(rehearsal: Rehearsal, containers: TaskContainers, failure: str) -> ImageError:
    settings = rehearsal.service.settings
    if ended := seen_in_failed_rollout(rehearsal.context):
        return not_healthy(settings, ended, failure)
    task = rehearsal.context.task_definition()
    definition, family = task["containerDefinitions"][0], task["family"]
    port = settings.service.container_port
    seconds = max(_SECONDS_TO_LISTEN, settings.service.start_period_seconds)
    image, path = _built_image(rehearsal), health_path(settings)
    seen = examine_image(containers, image, definition, port, seconds, path, family)
    return not_healthy(settings, seen, failure)


def _built_image(rehearsal: Rehearsal) -> str:
    """Return the engine's id of the image that was built last."""
    return rehearsal.docker.images()[-1].removeprefix("sha256:")


def _call_by_name(rehearsal: Rehearsal) -> None:
    """Call every task of the service by its name, from a container beside them."""
    containers, settings = rehearsal.containers, rehearsal.service.settings
    if containers is None or not rehearsal.context.endpoint:
        return
    context, port, path = rehearsal.context, settings.service.container_port, health_path(settings)
    with context.report.step("Called by its name from another container") as step:
        try:
            rehearsal.settle()
        except RehearsalError as failure:
            raise _not_healthy(rehearsal, containers, str(failure)) from None
        host = context.host()
        answers, failures = containers.call(host, port, path, _FIRST_CALLS_SECONDS)
        if failures and not _listens(rehearsal, containers, *failures):
            answers, failures = containers.call(host, port, path, SETTLE_SECONDS)
        if failures:
            raise _no_answer(rehearsal, containers, *next(iter(failures.items())))
        expect_all("the tasks that answered", answers, context.task_addresses())
        said = ", ".join(sorted(set(answers.values())))
        step.note = f"http://{host}:{port}{path or '/'}: {len(answers)} of them, {said}"


def _try_later_check(rehearsal: Rehearsal, containers: TaskContainers) -> str:
    """Run the check in a task; let the next deploy have it if it passes, and advise the user."""
    context, check = rehearsal.context, rehearsal.files.later_check
    command = ["CMD", *json.loads(check)] if check.startswith('["') else ["CMD-SHELL", check]
    ids = _ids_at(rehearsal, containers, *context.task_addresses())
    seen = examine(containers, ids[0], command) if ids else None
    if seen is None or seen.check is None:
        raise RehearsalError("the task has ended before its health check was run")
    code, said = seen.check
    if code == 0:
        rehearsal.files.write(health_check_command=check)
        context.report.advise(
            "After the first delivery set health_check_command as the line above it says: your "
            "container passes it."
        )
        return "passed; the next deploy has it"
    reason = f"{exit_code(code)}{f': {said}' if said else ''}"
    context.report.advise(f"Your container does not pass its HEALTHCHECK: {reason}")
    return f"NOT PASSED: {exit_code(code)}"


def _ids_at(rehearsal: Rehearsal, containers: TaskContainers, *addresses: str) -> list[str]:
    """Return the ids of the running containers of the service that have these addresses."""
    running = containers.running(rehearsal.context.outputs()["TaskDefinitionFamily"]).values()
    return [each["Id"] for each in running if containers.address(each) in addresses]


def _listens(rehearsal: Rehearsal, containers: TaskContainers, *addresses: str) -> bool:
    """Tell whether the containers at some addresses listen anywhere: others may still start."""
    ids = _ids_at(rehearsal, containers, *addresses)
    return bool(ids) and all(containers.listening(each) for each in ids)


def _no_answer(
    rehearsal: Rehearsal, containers: TaskContainers, address: str, reason: str
) -> ImageError:
    """Explain a call that failed."""
    called = _ids_at(rehearsal, containers, address)
    seen = examine(containers, called[0]) if called else None
    if seen is None:
        return _not_healthy(rehearsal, containers, f"{address}: {reason}")
    return no_answer(rehearsal.service.settings, seen, rehearsal.context.host(), reason)


# --- Versions that must not stay ------------------------------------------------------------------


def _state(rehearsal: Rehearsal) -> tuple[Any, ...]:
    """Return what a delivery that fails must not change."""
    context, service = rehearsal.context, rehearsal.context.service()
    tasks = (service["taskDefinition"], service["runningCount"], service["desiredCount"])
    return (*tasks, context.live_image(), context.running_image())


def _expect_state(rehearsal: Rehearsal, before: tuple[Any, ...]) -> None:
    """Wait until ECS has rolled back; the service and `live` must be as before."""
    context = rehearsal.context
    wait_until("ECS has rolled back", context.is_steady)
    wait_until(
        f"revision, tasks and images are again {before}", lambda: _state(rehearsal) == before
    )


def _deliver_and_roll_back(rehearsal: Rehearsal) -> str:
    """Roll a version out and then back, as ECS does for an alarm, before it is promoted.

    Returns the image that was not promoted, as its task definition named it.
    """
    context, service, before = rehearsal.context, rehearsal.context.service(), _state(rehearsal)
    other = {"Dockerfile": _OTHER_IMAGE.format(secrets.token_hex(8)).encode()}
    named = ""

    def roll_back() -> None:
        nonlocal named
        named = context.task_definition()["containerDefinitions"][0]["image"]
        # The local AWS evaluates no alarm, so the service is updated by hand.
        context.aws.client("ecs").update_service(
            cluster=service["clusterArn"],
            service=service["serviceName"],
            taskDefinition=service["taskDefinition"],
        )

    run, commit = rehearsal.pipeline.run, rehearsal.commit
    with rehearsal.docker.deriving(other) if rehearsal.containers else nullcontext():
        failure = failure_of(lambda: run(commit, before={"Promote": roll_back}), "Promote")
    expect_true(f"the reason is told: {failure}", holds="rolled back or replaced" in str(failure))
    _expect_state(rehearsal, before)
    return named


def _fail_to_roll_out(rehearsal: Rehearsal, image: str) -> None:
    """Delete an image that was not promoted, and retry the stage that rolls it out."""
    ecr, before = rehearsal.context.aws.client("ecr"), _state(rehearsal)
    lost = {"imageDigest": image.partition("@")[2]}

    def lose_image() -> None:
        ecr.batch_delete_image(repositoryName=rehearsal.context.repository(), imageIds=[lost])

    retry = rehearsal.pipeline.retry
    failure = failure_of(lambda: retry("Deploy", before={"Deploy": lose_image}), "Deploy")
    expect_true(f"the reason is told: {failure}", holds=f"{image}: not found" in str(failure))
    _expect_state(rehearsal, before)


def _deliver_bad_versions(rehearsal: Rehearsal, containers: TaskContainers) -> None:
    """Deliver a version that ends at once, and one that never listens."""
    report = rehearsal.context.report
    with report.step("A version whose command exits at once") as step:
        reason = _rolled_back(rehearsal, _python(containers, "raise SystemExit(1)"))
        if reason is None:
            raise RehearsalError("a version whose command exits at once was delivered")
        step.note = reason
    if rehearsal.service.is_sample or not rehearsal.context.endpoint:
        return  # the sample's health check takes minutes to fail, and what follows is the same
    with report.step("A version that never listens") as step:
        reason = _rolled_back(rehearsal, _python(containers, _WAIT_FOR_SIGTERM))
        step.note = reason or _silent_version(rehearsal, containers)


# The first process of a container ignores signals that it does not handle.
_WAIT_FOR_SIGTERM = (
    "from signal import *; pthread_sigmask(SIG_BLOCK, {SIGTERM}); sigwait({SIGTERM})"
)


def _python(containers: TaskContainers, code: str) -> Mapping[str, bytes]:
    """Return the files of an image that takes the place of the built one, and runs this code."""
    command = json.dumps(["python", "-c", code])
    lines = ("ARG BUILT", f"FROM {containers.helper}", f"ENTRYPOINT {command}", "CMD []")
    return {"Dockerfile": "\n".join(lines).encode()}


def _rolled_back(rehearsal: Rehearsal, files: Mapping[str, bytes]) -> str | None:
    """Deliver another image than the built one; return None if nothing stopped it."""
    context, before = rehearsal.context, _state(rehearsal)
    tasks = context.task_ids()
    try:
        with rehearsal.docker.deriving(files):
            rehearsal.pipeline.run(rehearsal.commit)
    except ActionFailedError as failure:
        if failure.action != "Deploy":
            raise
        reason = str(failure).rpartition(": ")[2].rstrip(".")
    else:
        return None
    _expect_state(rehearsal, before)
    expect_all("the tasks that run", context.task_ids(), tasks)
    return f"{reason}; {len(tasks)} tasks serve on, still image {context.live_image()[7:19]}"


def _silent_version(rehearsal: Rehearsal, containers: TaskContainers) -> str:
    """Say what follows of a version that never listens and was delivered all the same."""
    context, settings = rehearsal.context, rehearsal.service.settings
    port, path = settings.service.container_port, health_path(settings)
    _, failures = containers.call(context.host(), port, path, 0)
    if settings.service.health_check_command is None:
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


def _end_of_tasks(rehearsal: Rehearsal, containers: TaskContainers) -> str:
    """Wait until replaced tasks have ended, and tell how they did."""
    context, settings, tasks = rehearsal.context, rehearsal.service.settings, rehearsal.replaced
    wait_until("the replaced tasks have ended", lambda: context.have_stopped(tasks))
    described = context.described(tasks)
    codes = {container["exitCode"] for task in described for container in task["containers"]}
    seconds = max((task["stoppedAt"] - task["stoppingAt"]).total_seconds() for task in described)
    running = containers.running(context.outputs()["TaskDefinitionFamily"]).values()
    has_init = all(each["HostConfig"].get("Init") for each in running)
    if KILLED in codes and settings.service.enable_execute_command and not has_init:
        context.report.leave_out(
            "what your container does at SIGTERM: with enable_execute_command an init process"
            " passes it on, and this engine has none"
        )
        return "not shown: this engine has no init process"
    advice = advice_on_sigterm(settings, codes, seconds)
    matters = context.endpoint or KILLED in codes
    if advice and matters and not rehearsal.service.is_sample:  # whose tasks drain quickly here
        context.report.advise(advice)
    if KILLED in codes:
        return f"killed after {settings.service.stop_timeout_seconds} s: it ignores SIGTERM"
    return f"ended {seconds:.0f} s after SIGTERM, {', '.join(map(exit_code, sorted(codes)))}"
