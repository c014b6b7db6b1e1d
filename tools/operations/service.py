"""A deployed service: its tasks, its logs, and a shell in a task."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from backend_service.names import (
    build_log_group_name,
    release_log_group_name,
    task_log_group_name,
)
from cdk_rehearsal.containers import Engine, find_engine
from settings import Settings
from tools.doctor.aws import Aws
from tools.operations.account import OperationError, is_local
from tools.repository import ROOT
from tools.service_choice import shown_file

_FOLLOW_SECONDS = 2.0
_LATE_MILLISECONDS = 10_000
_ENGINE_CACHE = ROOT / ".cache" / "container_engine"

LOG_GROUPS: Mapping[str, Callable[[Settings], str]] = {
    "service": lambda s: task_log_group_name(s.service.ecs_cluster_name, s.service.service_name),
    "build": lambda s: build_log_group_name(s.service.full_name),
    "pipeline": lambda s: release_log_group_name(s.service.full_name),
}
"""The names of the log groups, by what the user calls the log."""


def choose(deployment: Sequence[Settings], name: str | None) -> Settings:
    """Return the settings of the service ``name``, which may be None if there is one service."""
    names = [settings.service.service_name for settings in deployment]
    if name is None and len(deployment) > 1:
        raise OperationError(f"several services: add SERVICE={' or SERVICE='.join(names)}")
    for settings in deployment:
        if name in {None, settings.service.service_name}:
            return settings
    raise OperationError(f"SERVICE={name} has no settings file; there are {', '.join(names)}")


class DeployedService:
    """The service of a settings file; raises ``OperationError`` if its stack is not deployed."""

    def __init__(self, settings: Settings, aws: Aws) -> None:
        self.settings = settings
        self.aws = aws
        self.cluster = settings.service.ecs_cluster_name
        self.name = settings.service.service_name
        stack = settings.service_stack_name
        self.stack_status = aws.status_of_stack(stack)
        if not self.stack_status:
            raise OperationError(
                f"there is no stack {stack} in account {settings.account_number}, "
                f"{aws.region}: npx cdk deploy {stack} -c env_file={shown_file(settings)}"
            )

    def describe(self) -> dict[str, Any]:
        """Return the service as ECS describes it."""
        ecs = self.aws.client("ecs")
        found = ecs.describe_services(cluster=self.cluster, services=[self.name])
        active = [s for s in found["services"] if s["status"] != "INACTIVE"]
        if not active:
            raise OperationError(
                f"cluster {self.cluster} has no service {self.name}; the stack "
                f"{self.settings.service_stack_name} is {self.stack_status}"
            )
        return dict(active[0])

    def tasks(self) -> list[dict[str, Any]]:
        """Return the tasks that run or start, as ECS describes them."""
        ecs = self.aws.client("ecs")
        arns = ecs.list_tasks(cluster=self.cluster, serviceName=self.name)["taskArns"]
        if not arns:
            return []
        return list(ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"])


def task_id(task: Mapping[str, Any]) -> str:
    """Return the id of a task, the end of its ARN."""
    return str(task["taskArn"]).rpartition("/")[2]


def log_events(aws: Aws, group: str, since: int) -> Iterator[dict[str, Any]]:
    """Yield the events of a log group since a time, in milliseconds since 1970."""
    pages = aws.client("logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=group, startTime=since):
        yield from page["events"]


def show_logs(service: DeployedService, *, of: str, minutes: int, follow: bool) -> None:
    """Print the log lines of the last minutes; with ``follow`` wait for new ones until Ctrl-C."""
    group = LOG_GROUPS[of](service.settings)
    since, seen = int((time.time() - minutes * 60) * 1000), set[str]()
    while True:
        for event in log_events(service.aws, group, since):
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                # A line can arrive some seconds after a newer line of another task.
                since = max(since, event["timestamp"] - _LATE_MILLISECONDS)
                print(f"{event['logStreamName']}  {event['message'].rstrip()}", flush=True)
        if not follow:
            break
        time.sleep(_FOLLOW_SECONDS)


def open_shell(service: DeployedService, *, task_prefix: str, command_line: str) -> int:
    """Run a command in a task, at this terminal, and return its status.

    AWS does it with ECS Exec, for which the AWS CLI needs the Session Manager plugin. A local AWS
    has no ECS Exec, and its container engine does it.
    """
    task = _running_task(service, task_prefix)
    if not task.get("enableExecuteCommand"):
        raise OperationError(
            f'ECS Exec is off in task {task_id(task)}: set enable_execute_command="True" in '
            f"{shown_file(service.settings)} and deploy; the tasks that start then have it"
        )
    if is_local():
        return _run_in_container(task, command_line)
    line = [
        *("aws", "ecs", "execute-command", "--interactive", "--region", service.aws.region),
        *("--cluster", service.cluster, "--task", task_id(task), "--command", command_line),
        *("--container", service.settings.service.container_name),
    ]
    return subprocess.run(line, check=False).returncode


def _running_task(service: DeployedService, prefix: str) -> dict[str, Any]:
    running = [task for task in service.tasks() if task["lastStatus"] == "RUNNING"]
    for task in running:
        if task_id(task).startswith(prefix):
            return task
    names = ", ".join(map(task_id, running)) or "none"
    raise OperationError(f"{service.name} has no such running task; there are: {names}")


def _run_in_container(task: Mapping[str, Any], command_line: str) -> int:
    engine = find_engine(_ENGINE_CACHE)
    terminal = ["--interactive", "--tty"] if os.isatty(0) else ["--interactive"]
    container = container_of(engine, [task])
    line = [*engine.command, "exec", *terminal, container, "sh", "-c", command_line]
    return subprocess.run(line, env=engine.environment, check=False).returncode


def container_of(engine: Engine, tasks: Sequence[Mapping[str, Any]]) -> str:
    """Return the id of the container of one of these tasks of a local AWS."""
    for task in tasks:
        label = f"label=com.amazonaws.ecs.task-arn={task['taskArn']}"
        if found := engine("ps", "--quiet", "--filter", label).split():
            return found[0]
    raise OperationError(
        "the tasks of this local AWS are records, not containers; the playground has said at its "
        "start why"
    )
