"""ECS with a container engine: the image, network, health check and end of a task's container.

MiniStack's worker starts a container and moves the task through its states; this module decides the
rest. It is loaded only with an engine. MiniStack looks for an engine in many places and removes
containers that it takes for its own. So it gets this engine only where its ECS asks whether tasks
run in containers, and this module makes all calls to the engine.
"""

import base64
import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import docker
import requests
from docker.errors import APIError, ImageNotFound, NotFound
from ministack.core.concurrency import resource_lock, spawn_background
from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import ecs

from cdk_rehearsal.iam.service_roles import reason_not_to_start
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Request
from cdk_rehearsal.options import EngineAccess
from cdk_rehearsal.services.ec2.interfaces import SubnetFullError
from cdk_rehearsal.services.ecr.api import find_image
from cdk_rehearsal.services.ecr.image_push import ENGINE_IMAGE, STANDS_IN
from cdk_rehearsal.services.ecs.tasks import (
    ImageMissingError,
    attach,
    detach,
    digest_of,
    digests_of,
    report_health,
)

Task: TypeAlias = dict[str, Any]
Definition: TypeAlias = dict[str, Any]

_RESPONSE_SECONDS = 600


@cache
def access() -> EngineAccess:
    return EngineAccess.from_environment()


@cache
def client(response_seconds: int = _RESPONSE_SECONDS) -> Any:
    """Return a client of the engine's API that waits this long for a response."""
    return docker.DockerClient(base_url=access().docker_host, timeout=response_seconds)


@replaces(ecs, "_get_docker")
def get_docker(_original: Callable[[], Any]) -> Any:
    """Give MiniStack's ECS the engine of `EngineAccess`, not one that it finds."""
    return client()


# --- The image. The manifest in ECR has an annotation with the engine's id of the image, whose
# layers never go through the registry.


@replaces(ecs, "_prepare_service_images")
def prepare_service_images(
    _original: Callable[..., Any], task: Task, definition: Definition, _client: Any
) -> Any:
    """Resolve tags in the local ECR once per deployment; MiniStack would call a registry."""
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    service = ecs._services.get(f"{cluster}/{task['group'].partition(':')[2]}")
    deployment = ecs._deployment_for_task(service, task) if service else None
    if reason := reason_not_to_start(definition, task["taskArn"].rpartition("/")[2]):
        raise ecs._ImagePullError(reason)
    try:
        digests_of(definition, deployment)
    except ImageMissingError as error:
        raise ecs._ImagePullError(str(error).partition(": ")[2]) from error
    return deployment


def engine_image(image: str) -> tuple[str, bool]:
    """Return the engine's id of an image in ECR, and whether that image is a stand-in for it."""
    repository = image.partition("/")[2].partition("@")[0].partition(":")[0]
    try:
        digest = digest_of(image)
    except ImageMissingError as error:
        raise ecs._ImagePullError(str(error).partition(": ")[2]) from error
    record = find_image(repository, digest=digest) if digest else None
    if record is None:
        raise ecs._ImagePullError(f"{image}: not an image of this account's ECR")
    annotations = json.loads(record["imageManifest"]).get("annotations", {})
    identity = str(annotations.get(ENGINE_IMAGE))
    if engine_id(identity) is None:
        raise ecs._ImagePullError(f"{image}: the container engine has no image {identity}")
    return identity, STANDS_IN in annotations


def engine_id(image: str) -> str | None:
    """Return the id of the engine's image with this name or id; None if there is none."""
    try:
        identity = str(client().images.get(image).id)
    except ImageNotFound:
        return None
    return f"sha256:{identity.removeprefix('sha256:')}"


# --- The container.

# Properties that this module or MiniStack's worker reads, or that do not change how it runs.
_KNOWN = {
    "command", "cpu", "entryPoint", "environment", "essential", "healthCheck", "image",
    "linuxParameters", "logConfiguration", "memory", "memoryReservation", "mountPoints", "name",
    "portMappings", "readonlyRootFilesystem", "secrets", "stopTimeout", "systemControls", "user",
    "versionConsistency", "volumesFrom",
}  # fmt: skip


@replaces(ecs, "_run_docker_container")
def start_container(
    _original: Callable[..., Any],
    /,
    _client: Any,
    definition: Definition,
    options: dict[str, Any],
    **_: Any,
) -> Any:
    """Start the container of a task in the network of `EngineAccess`, with the task's address.

    That network of the engine has the address range of the VPC.
    """
    if unknown := {key for key, value in definition.items() if value} - _KNOWN:
        raise ValueError(f"the local AWS does not run a container with {', '.join(unknown)}")
    task = ecs._tasks[options["labels"]["com.amazonaws.ecs.task-arn"]]
    image, task["_stands_in"] = engine_image(definition["image"])
    # Set before the task runs, so that it is unhealthy until its first check has passed.
    task["_health_is_checked"] = "healthCheck" in definition
    try:
        address = attach(task, task["_subnet"])
    except SubnetFullError as error:
        raise ValueError(str(error)) from error
    network = access().network
    endpoint = client().api.create_endpoint_config(ipv4_address=address)
    environment = options["environment"]
    init = (definition.get("linuxParameters") or {}).get("initProcessEnabled", False)
    run = partial(
        client().containers.run,
        image,
        command=options["command"],
        entrypoint=definition.get("entryPoint"),
        environment=environment | {"ECS_CONTAINER_METADATA_URI_V4": _metadata_uri(task)},
        user="0" if task["_stands_in"] else definition.get("user"),
        read_only=definition.get("readonlyRootFilesystem", False),
        name=options["name"],
        labels=options["labels"] | access().labels,
        network=network,
        networking_config={network: endpoint},
        volumes={str(_resolver_file()): {"bind": "/etc/resolv.conf", "mode": "ro"}},
        detach=True,
    )
    try:
        return run(init=init)
    except APIError as error:
        # Debian's podman comes without its init process, which reaps orphans and passes signals on.
        # Without it the container's own first process receives the signals.
        if not init or "init binary" not in str(error):
            raise
        return run(init=False)


def _metadata_uri(task: Task) -> str:
    """Return the URL of a task's metadata, which contains the metadata itself."""
    family, _, revision = task["taskDefinitionArn"].rpartition("/")[2].partition(":")
    metadata = {
        "Cluster": task["clusterArn"],
        "TaskARN": task["taskArn"],
        "ServiceName": task["group"].partition(":")[2],
        "Family": family,
        "Revision": revision,
        "AvailabilityZone": task["availabilityZone"],
        "LaunchType": task["launchType"],
    }
    token = base64.urlsafe_b64encode(json.dumps(metadata).encode()).decode()
    return f"http://{access().resolver}/v4/{token}"


def _resolver_file() -> Path:
    file = Path(os.environ["HOME"], "resolv.conf")
    if not file.exists():
        file.write_text(f"nameserver {access().resolver}\noptions ndots:1\n", encoding="utf-8")
        file.chmod(0o644)
    return file


@replaces(ecs, "_requested_subnet")
def requested_network(_original: Callable[[Request], Any], request: Request) -> dict[str, Any]:
    """Keep the whole network configuration with the task; MiniStack keeps only a subnet."""
    network: dict[str, Any] = request.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    return network


@replaces(ecs, "_register_metadata")
def register_no_metadata(_original: Callable[..., str], *_: Any) -> str:
    """Give containers no metadata URL of MiniStack, which they cannot reach, and no credentials."""
    return ""


@replaces(ecs, "_make_deployment")
def make_deployment(
    original: Callable[..., dict[str, Any]], *arguments: Any, **options: Any
) -> dict[str, Any]:
    """Make every deployment, also the first one, wait until its tasks are healthy."""
    deployment = original(*arguments, **options)
    deployment["rolloutState"], deployment["rolloutStateReason"] = "IN_PROGRESS", ""
    return deployment


@replaces(
    ecs,
    "_record_service_task_healthy",
    upstream="Bug: a task whose container has a health check counts as healthy before it passed.",
)
def record_service_task_healthy(
    original: Callable[[str, Task], None], service: str, task: Task
) -> None:
    """Do not count a task that has not passed its health check yet."""
    if not task.get("_health_is_checked", False) or task["healthStatus"] == "HEALTHY":
        original(service, task)


# --- The health check of a container. This module runs it in the container, since podman needs
# systemd to do that. As with Docker, failures count only after the start period, and as many in a
# row as there are retries make the task unhealthy. Until the first success the check runs every
# second instead of every interval, so that rollouts are faster.

_FIRST_INTERVAL_SECONDS = 1
# A busy machine needs additional time to start a process in a container, and the engine does not
# say when the check itself began.
_ENGINE_SECONDS = 30


def _watch_health(task: Task, container_id: str, check: dict[str, Any]) -> None:
    """Run the check until the task stops; report its health to Cloud Map and the deployment."""
    # The defaults of ECS.
    interval, retries = check.get("interval", 30), check.get("retries", 3)
    counts_from = time.monotonic() + check.get("startPeriod", 0)
    failures = 0
    while ecs._task_is_active(task["taskArn"], task):
        # The check is written for the image that the engine does not have.
        if task["_stands_in"] or _passes(container_id, check):
            failures = 0
            if task["healthStatus"] != "HEALTHY":
                _become(task, "HEALTHY")
                _check_deployment(task)
        elif not ecs._task_is_active(task["taskArn"], task):
            return
        elif time.monotonic() > counts_from or task["healthStatus"] == "HEALTHY":
            failures += 1
            if failures >= retries:
                _become(task, "UNHEALTHY")
                _replace(task)
                return
        time.sleep(interval if task["healthStatus"] == "HEALTHY" else _FIRST_INTERVAL_SECONDS)


def _passes(container_id: str, check: dict[str, Any]) -> bool:
    kind, *words = check["command"]
    command = ["/bin/sh", "-c", words[0]] if kind == "CMD-SHELL" else words
    try:
        response_seconds = check.get("timeout", 5) + _ENGINE_SECONDS
        container = client(response_seconds).containers.get(container_id)
        return bool(container.exec_run(command).exit_code == 0)
    except (APIError, requests.RequestException):
        return False


def _become(task: Task, health: str) -> None:
    task["healthStatus"] = health
    for container in task["containers"]:
        container["healthStatus"] = health
    report_health(task)


def _check_deployment(task: Task) -> None:
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    kind, _, service = task["group"].partition(":")
    if kind == "service":
        ecs._schedule_service_deployment_completion(
            cluster, f"{cluster}/{service}", get_account_id(), get_region(), healthy_task=task
        )


def _replace(task: Task) -> None:
    reason = "Task failed container health checks"
    if ecs._mark_task_stopped(task["taskArn"], task, reason, "ServiceSchedulerInitiated"):
        ecs._cleanup_task_resources(task, client())
        ecs._record_service_task_failure(task)


def _watch_health_in_background(task: Task) -> None:
    """Start the health checks of a running task."""
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    ids = task["_docker_ids"]
    for container_id, container in zip(ids, definition["containerDefinitions"], strict=False):
        if check := container.get("healthCheck"):
            spawn_background(
                _watch_health, task, container_id, check, thread_name=f"health-{container_id[:8]}"
            )


# --- The end of a task. The task immediately stops counting and leaves Cloud Map
# (`ecs_tasks.mark_task_stopped`). Its container receives SIGTERM and serves until it ends by itself
# or its stop timeout is over.

_DEFAULT_STOP_TIMEOUT_SECONDS = 30
_LONGEST_LIFE_SECONDS = 24 * 3600
_LOG_SECONDS = 60
_EXIT_POLLS, _EXIT_POLL_SECONDS = 3000, 0.1


@replaces(ecs, "_cleanup_task_resources")
def end_containers(
    _original: Callable[..., None], task: Task, _client: Any, extra_container: Any = None
) -> None:
    """Send SIGTERM to the containers of a task, and wait for their stop timeout."""
    with resource_lock("ecs-task", task["taskArn"]):
        ids, task["_docker_ids"] = list(task["_docker_ids"]), []
    if extra_container is not None and extra_container.id not in ids:
        ids.append(extra_container.id)
    if ids:
        spawn_background(_end, task, ids, thread_name=f"end-{ids[0][:8]}")


def _end(task: Task, ids: list[str]) -> None:
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    timeouts = [
        container.get("stopTimeout", _DEFAULT_STOP_TIMEOUT_SECONDS)
        for container in definition["containerDefinitions"]
    ]
    prefix = f"ministack-ecs-awslogs-{task['taskArn'].rpartition('/')[2][:8]}"
    log_threads = [f"{prefix}-{each['name']}" for each in definition["containerDefinitions"]]
    codes = [_stop(*each) for each in zip(ids, timeouts, log_threads, strict=False)]
    with resource_lock("ecs-task", task["taskArn"]):
        task["lastStatus"] = "STOPPED"
        task["stoppedAt"] = task["executionStoppedAt"] = now_iso()
        for container, code in zip(task["containers"], codes, strict=False):
            container["lastStatus"], container["exitCode"] = "STOPPED", code
    detach(task)


def _stop(container_id: str, timeout: int, log_thread: str) -> int | None:
    """Stop and remove a container; return its exit code.

    None if it does not exist any more, or if the engine does not answer. Then `owned` removes it.
    """
    try:
        container = client().containers.get(container_id)
        # Podman's own stop command would block all other calls for the container meanwhile. ECS
        # sends the STOPSIGNAL of the image, as `docker stop` does:
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
        with suppress(APIError):
            container.kill(container.attrs["Config"].get("StopSignal") or "SIGTERM")
        try:
            container.wait(timeout=timeout)
        except requests.RequestException:
            with suppress(APIError):
                container.kill("SIGKILL")
        code = int(container.wait()["StatusCode"])
        # MiniStack's thread ends when it has forwarded the last log lines.
        for thread in threading.enumerate():
            if thread.name == log_thread:
                thread.join(_LOG_SECONDS)
        container.remove(v=True, force=True)
    except (NotFound, requests.RequestException):
        return None
    return code


@replaces(ecs, "_watch_task_lifecycle")
def watch_life(
    _original: Callable[..., None], task: Task, _client: Any, account: str, region: str
) -> None:
    """Wait for the end of a container and run its health checks; MiniStack would poll it."""
    for container_id in list(task["_docker_ids"]):
        name = f"life-{container_id[:8]}"
        spawn_background(_wait, task, container_id, thread_name=name)
    _watch_health_in_background(task)
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    kind, _, service = task["group"].partition(":")
    if kind == "service":
        ecs._schedule_service_deployment_completion(
            cluster, f"{cluster}/{service}", account, region, healthy_task=task
        )


def _wait(task: Task, container_id: str) -> None:
    with suppress(NotFound):
        client().containers.get(container_id).wait(timeout=_LONGEST_LIFE_SECONDS)
    # The engine reports the end a moment before it shows the container as exited.
    for _ in range(_EXIT_POLLS):
        ecs._maybe_mark_stopped(task, client())
        if not ecs._task_is_active(task["taskArn"], task):
            return
        time.sleep(_EXIT_POLL_SECONDS)
