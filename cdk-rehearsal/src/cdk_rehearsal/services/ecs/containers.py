"""ECS with a container engine: the image, network and end of a task's container.

MiniStack's worker starts a container and moves the task through its states; this module decides the
rest. It is loaded only with an engine. MiniStack looks for an engine in many places and removes
containers that it takes for its own. So it gets this engine only where its ECS asks whether tasks
run in containers, and this module makes all calls to the engine.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import requests
from docker.errors import APIError, NotFound
from ministack.core.concurrency import resource_lock, spawn_background
from ministack.core.responses import now_iso
from ministack.services import ecs

from cdk_rehearsal.iam.service_roles import reason_not_to_start
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Request
from cdk_rehearsal.services.ecr.api import stored_image
from cdk_rehearsal.services.ecr.image_archive import ImageError
from cdk_rehearsal.services.ecs import engine
from cdk_rehearsal.services.ecs.health import check_deployment, watch_health
from cdk_rehearsal.services.ecs.task_endpoint import path_of_credentials, path_of_metadata
from cdk_rehearsal.services.ecs.tasks import (
    ImageMissingError,
    attach,
    awsvpc,
    digest_of,
    digests_of,
)

Task: TypeAlias = dict[str, Any]
Definition: TypeAlias = dict[str, Any]


@replaces(ecs, "_get_docker")
def get_docker(_original: Callable[[], Any]) -> Any:
    """Give MiniStack's ECS the engine of `EngineAccess`, not one that it finds."""
    return engine.client()


# --- The image. The engine runs what ECR has under the digest.


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
        raise ecs._ImagePullError(str(error)) from error
    return deployment


def engine_image(image: str) -> tuple[str, bool]:
    """Return the engine's id of an image in ECR, and whether that image stands for another."""
    repository = image.partition("/")[2].partition("@")[0].partition(":")[0]
    try:
        digest = digest_of(image)
        found = stored_image(repository, digest) if digest else None
        if digest is None or found is None:
            raise ecs._ImagePullError(f"{image}: not an image of this account's ECR")
        return engine.started_from(found), digest in engine.stand_ins
    except ImageMissingError as error:
        raise ecs._ImagePullError(str(error)) from error
    except ImageError as error:
        raise ecs._ImagePullError(f"{image}: {error}") from error


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
    """Start the container of a task with the task's address, in a network like the VPC.

    MiniStack has no such network. That of `EngineAccess` has the address range of the VPC.
    """
    if unknown := {key for key, value in definition.items() if value} - _KNOWN:
        raise ValueError(f"the local AWS does not run a container with {', '.join(unknown)}")
    task = ecs._tasks[options["labels"]["com.amazonaws.ecs.task-arn"]]
    image, task["_stands_in"] = engine_image(definition["image"])
    # Set before the task runs, so that it is unhealthy until its first check has passed.
    task["_health_is_checked"] = "healthCheck" in definition
    address = attach(task, task["_subnet"])
    network = engine.access().network
    names = f"nameserver {engine.access().resolver}\noptions ndots:1\n".encode()
    authority = Path(os.environ["AWS_CA_BUNDLE"]).read_bytes()
    endpoint = engine.client().api.create_endpoint_config(ipv4_address=address)
    environment = options["environment"]
    init = (definition.get("linuxParameters") or {}).get("initProcessEnabled", False)
    run = partial(
        engine.client().containers.run,
        image,
        command=options["command"],
        entrypoint=definition.get("entryPoint"),
        environment=_TRUST | _of_ecs(task) | environment,
        user="0" if task["_stands_in"] else definition.get("user"),
        read_only=definition.get("readonlyRootFilesystem", False),
        name=options["name"],
        labels=options["labels"] | engine.access().labels,
        network=network,
        networking_config={network: endpoint},
        volumes={
            str(_readable_file(name, content)): {"bind": path, "mode": "ro"}
            for name, content, path in (
                ("resolv.conf", names, "/etc/resolv.conf"),
                ("authority.pem", authority, _AUTHORITY),
            )
        },
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


_AUTHORITY = "/etc/cdk-rehearsal/authority.pem"
# With these variables SDKs trust the local AWS: boto3 and the CLI, Node.js, OpenSSL and Go. ECS
# sets none of them.
_TRUST = dict.fromkeys(("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"), _AUTHORITY)


def _of_ecs(task: Task) -> dict[str, str]:
    """Return the variables that ECS sets.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-environment-variables.html
    """
    region = task["taskArn"].split(":")[3]
    variables = {
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": region,
        "ECS_CONTAINER_METADATA_URI_V4": f"http://{engine.access().resolver}"
        f"{path_of_metadata(task)}",
    }
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    role = (task.get("overrides") or {}).get("taskRoleArn") or definition.get("taskRoleArn")
    if role:
        path = path_of_credentials(role, task["taskArn"].rpartition("/")[2])
        variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = path
    return variables


def _readable_file(name: str, content: bytes) -> Path:
    """Return a file that users of containers can read."""
    file = Path(os.environ["HOME"], name)
    if not file.exists():
        file.write_bytes(content)
        file.chmod(0o644)
    return file


@replaces(ecs, "_requested_subnet")
def requested_network(_original: Callable[[Request], Any], request: Request) -> dict[str, Any]:
    """Keep the whole network configuration with the task; MiniStack keeps only a subnet."""
    return awsvpc(request)


@replaces(ecs, "_register_metadata")
def register_no_metadata(_original: Callable[..., str], *_: Any) -> str:
    """Give containers no metadata URL of MiniStack, which they cannot reach, and no credentials."""
    return ""


@replaces(ecs, "_make_deployment")
def make_deployment(
    original: Callable[..., dict[str, Any]], *arguments: Any, **options: Any
) -> dict[str, Any]:
    """Make the first deployment, too, wait for healthy tasks; MiniStack completes it at once."""
    deployment = original(*arguments, **options)
    deployment["rolloutState"], deployment["rolloutStateReason"] = "IN_PROGRESS", ""
    return deployment


# --- The end of a task. The task immediately stops counting and leaves Cloud Map
# (`mark_task_stopped`). Its container receives SIGTERM and serves until it ends by itself
# or its stop timeout is over.

_DEFAULT_STOP_TIMEOUT_SECONDS = 30
_LONGEST_LIFE_SECONDS = 24 * 3600
_LOG_SECONDS = 60
_EXIT_POLLS, _EXIT_POLL_SECONDS = 3000, 0.1


@replaces(ecs, "_mark_task_stopped")
def mark_task_stopped(
    original: Callable[..., bool], task_arn: str, task: Task, *rest: Any, **options: Any
) -> bool:
    """Let a task be STOPPING, and keep its address, until its container has ended.

    As on ECS, the task immediately stops counting and leaves Cloud Map.
    """
    ending = bool(task["_docker_ids"])
    exited = all(container["lastStatus"] == "STOPPED" for container in task["containers"])
    stopped = original(task_arn, task, *rest, **options)
    if stopped and ending and not exited:
        with resource_lock("ecs-task", task_arn):
            task["lastStatus"] = "STOPPING"
            task["stoppedAt"] = task["executionStoppedAt"] = None
            for container in task["containers"]:
                container["lastStatus"], container["exitCode"] = "RUNNING", None
    return stopped


@replaces(ecs, "_cleanup_task_resources")
def end_containers(
    _original: Callable[..., None], task: Task, _client: Any, extra_container: Any = None
) -> None:
    """Send SIGTERM to containers and wait for their stop timeout; MiniStack waits 5 s."""
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


def _stop(container_id: str, timeout: int, log_thread: str) -> int | None:
    """Stop and remove a container; return its exit code.

    None if it does not exist any more, or if the engine does not answer. Then `owned` removes it.
    """
    try:
        container = engine.client().containers.get(container_id)
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
    watch_health(task, account, region)
    # The first task of a deployment lets the others start.
    check_deployment(task, account, region)


def _wait(task: Task, container_id: str) -> None:
    with suppress(NotFound):
        engine.client().containers.get(container_id).wait(timeout=_LONGEST_LIFE_SECONDS)
    # The engine reports the end a moment before it shows the container as exited.
    for _ in range(_EXIT_POLLS):
        ecs._maybe_mark_stopped(task, engine.client())
        if not ecs._task_is_active(task["taskArn"], task):
            return
        time.sleep(_EXIT_POLL_SECONDS)
