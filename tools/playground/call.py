"""Call a service of a playground by its name: ``python -m tools.playground.call``.

The call comes from a new container in the network of the tasks, with the resolver of the VPC, as
the call of another service would.
"""

from tools.command_line import run

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from ipaddress import IPv4Network

from cdk_rehearsal.containers import (
    OWNER,
    Engine,
    EngineError,
    NoEngineError,
    find_engine,
    label_options,
)
from tools.operations.account import Account, OperationError, say
from tools.operations.service import DeployedService, choose
from tools.rehearsal.sample_image import CACHE, SEED
from tools.service_choice import load_chosen

_SECONDS = "5"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the answer of the service, and return the status of the call."""
    parser = argparse.ArgumentParser(prog="python -m tools.playground.call", description=__doc__)
    parser.add_argument("--env-file", help="settings file (.env, or the sample's)")
    parser.add_argument("--service", help="the service_name of one, if there are several files")
    parser.add_argument("--route", default="/", help="the path of the URL")
    given = parser.parse_args(arguments)
    try:
        return call(given)
    except (OperationError, EngineError, NoEngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def call(given: argparse.Namespace) -> int:
    """Find a task of the service, call the service from a container beside it."""
    settings = choose(load_chosen(given.env_file), given.service)
    account = Account(settings)
    if not account.is_local:
        raise OperationError(
            "a service on AWS answers inside its VPC only: call it from a task, with make shell"
        )
    tasks = [task["taskArn"] for task in DeployedService(settings, account).tasks()]
    if not tasks:
        raise OperationError(f"no task of {settings.service.service_name} runs")
    engine = find_engine(CACHE)
    network, labels = _network_of(engine, tasks)
    (found,) = json.loads(engine("network", "inspect", network))
    # podman and docker describe a network differently.
    (subnet, *_) = found.get("subnets") or found["IPAM"]["Config"]
    resolver = IPv4Network(subnet.get("subnet") or subnet["Subnet"])[2]
    service = settings.service
    name = f"{service.service_name}.{service.namespace_name}"
    command = [
        *(*engine.command, "run", "--rm", f"--network={network}"),
        *(f"--dns={resolver}", *label_options(labels)),
        *("--entrypoint=curl", SEED, "--silent", "--show-error", "--max-time", _SECONDS),
        f"http://{name}:{service.container_port}{given.route}",
    ]
    say(f"  $ {' '.join(command)}")
    status = subprocess.run(command, env=engine.environment, check=False).returncode
    sys.stdout.write("\n")
    return status


def _network_of(engine: Engine, tasks: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Return the network of the tasks, and the label with which the playground removes it."""
    for arn in tasks:
        label = f"label=com.amazonaws.ecs.task-arn={arn}"
        for container in engine("ps", "--quiet", "--filter", label).split():
            (found,) = json.loads(engine("inspect", container))
            (network,) = found["NetworkSettings"]["Networks"]
            labels = found["Config"]["Labels"]
            return network, {OWNER: labels[OWNER]}
    raise OperationError(
        "the tasks of this local AWS are records, not containers, and answer no call; the "
        "playground has said at its start why"
    )


if __name__ == "__main__":
    run(main)
