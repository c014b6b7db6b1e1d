"""What the scenarios of one rehearsal share."""

import secrets
import time
from dataclasses import dataclass, field

from cdk_rehearsal import wait_until
from cdk_rehearsal.containers import TaskContainers
from cdk_rehearsal.pipelines import DockerCommand
from tools.rehearsal.context import RehearsalContext, ServicePipeline
from tools.rehearsal.rehearsed_service import RehearsedService, SettingsFiles


@dataclass(kw_only=True)
class Rehearsal:
    """A local AWS, the service to rehearse in it, and its containers if there is an engine."""

    context: RehearsalContext
    service: RehearsedService
    files: SettingsFiles
    docker: DockerCommand
    containers: TaskContainers | None
    pipeline: ServicePipeline = field(init=False)
    commit: str = field(init=False)
    """The commit id of every delivery."""
    replaced: list[str] = field(default_factory=list)
    """The tasks of a delivery that a later deploy has replaced."""

    def __post_init__(self) -> None:
        self.pipeline = ServicePipeline(self.context, self.docker)
        # Rehearsals of the sample may run side by side; the id keeps their images apart.
        own_commit = "" if self.service.is_sample else self.context.source.commit
        self.commit = own_commit or secrets.token_hex(20)

    def deploy(self) -> None:
        """Deploy all stacks with the settings files as they are now, by the quickest way."""
        workspace = self.context.workspace
        workspace.deploy("--all", *workspace.synthesised(self.files.selection))

    def expect_running(self, *stacks: str) -> None:
        """Wait until each service has the tasks that it wants; all resources must be there."""
        for stack in stacks:

            def is_complete(stack: str = stack) -> bool:
                service = self.context.service(stack)
                return bool(service["runningCount"] == service["desiredCount"])

            wait_until(f"all tasks of {stack} run", is_complete)
        self.context.expect_every_resource(*stacks)

    def settle(self) -> None:
        """Wait until Cloud Map finds all tasks healthy, and the resolver has heard of them."""

        def healthy() -> bool:
            found = [each["HealthStatus"] for each in self.context.instances()]
            return bool(found) and found == ["HEALTHY"] * len(self.context.task_ids())

        wait_until("Cloud Map finds all tasks healthy", healthy)
        if self.containers:
            feed, since = self.containers.feed, time.time()
            wait_until("DNS has heard of the tasks", lambda: feed.has_told(since))
