"""The containers of tasks in a network of the engine, and calls to them from beside them."""

import inspect
import json
from dataclasses import dataclass
from typing import Any

from cdk_rehearsal.bounds import ENGINE_SECONDS
from cdk_rehearsal.containers.engine import Engine
from cdk_rehearsal.containers.in_container import probe
from cdk_rehearsal.containers.network import ContainerNetwork, ZoneFeed
from cdk_rehearsal.containers.ownership import label_options
from cdk_rehearsal.options import Delays

_FAMILY = "com.amazonaws.ecs.task-definition-family"
_TASK = "com.amazonaws.ecs.task-arn"
# What a container of a task has from ECS and from the rehearsal (`services.ecs.containers`).
_VARIABLES = ("AWS_", "NODE_EXTRA_CA_CERTS=", "SSL_CERT_FILE=")
_MOUNTS = "/etc/cdk-rehearsal/"


@dataclass(frozen=True, kw_only=True)
class TaskContainers:
    """The containers that a local AWS runs for its tasks.

    ``helper`` is an image with Python, for containers that look at those of the tasks.
    """

    engine: Engine
    network: ContainerNetwork
    feed: ZoneFeed
    delays: Delays
    helper: str

    def running(self, family: str) -> dict[str, dict[str, Any]]:
        """Return the running containers of a task definition family, by task id."""
        # A container may end between the list and the inspection: then the command fails, and
        # prints the others all the same.
        said = self.engine.attempt("inspect", *self.network.containers()).stdout
        found = {}
        for each in json.loads(said or "[]"):
            labels = each["Config"]["Labels"]
            if labels.get(_FAMILY) == family and each["State"]["Running"]:
                found[labels[_TASK].rpartition("/")[2]] = each
        return found

    def as_task_of(self, family: str) -> list[str]:
        """Return the options that let a new container call AWS with the role of a running task.

        There are none if no task of the family runs.
        """
        for each in self.running(family).values():
            mounts = [m for m in each["Mounts"] if m["Destination"].startswith(_MOUNTS)]
            return [
                *(f"--env={v}" for v in each["Config"]["Env"] if v.startswith(_VARIABLES)),
                *(f"--volume={m['Source']}:{m['Destination']}:ro" for m in mounts),
            ]
        return []

    def address(self, container: dict[str, Any]) -> str:
        """Return the address that a container has in the network."""
        return str(container["NetworkSettings"]["Networks"][self.network.name]["IPAddress"])

    def call(
        self, host: str, port: int, path: str, seconds: float
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Call every address of a name from a new container; return answers and failures.

        Both are by address, or by name if the name does not resolve. Calls that fail are repeated
        until all addresses answer or the time is over.
        """
        said = self.engine(
            *("run", "--rm", "--entrypoint=python", *label_options(self.network.labels)),
            *(f"--network={self.network.name}", f"--dns={self.network.resolver}"),
            *(self.helper, "-Ic", inspect.getsource(probe)),
            *("call", host, str(port), path, str(seconds)),
            timeout=seconds + ENGINE_SECONDS,
        )
        told = json.loads(said.splitlines()[-1])
        return told["answers"], told["failures"]

    def listening(self, container: str) -> list[tuple[str, int]]:
        """Return the addresses and ports at which processes of a container listen."""
        return [(address, port) for address, port in self._inside(container, "listening") or []]

    def answer(self, container: str, port: int, path: str) -> str:
        """Return what a container answers on its loopback address, such as "HTTP 404 at /"."""
        told = self._inside(container, "call", "127.0.0.1", str(port), path, "0")
        return " ".join({**told["answers"], **told["failures"]}.values()) if told else ""

    def _inside(self, container: str, *arguments: str) -> Any:
        """Run the probe in the network of a container; None if that is not possible any more."""
        said = self.engine.attempt(
            *("run", "--rm", "--entrypoint=python", *label_options(self.network.labels)),
            *(f"--network=container:{container}", self.helper),
            *("-Ic", inspect.getsource(probe), *arguments),
        )
        return json.loads(said.stdout.splitlines()[-1]) if said.returncode == 0 else None
