"""Call a service of a playground by its name: ``python -m tools.playground.call``.

The call comes from a new container with the network of a task and the resolver of the VPC, as the
call of another service would.
"""

from tools.command_line import run

import argparse
import subprocess
import sys
from collections.abc import Sequence

from cdk_rehearsal.containers import (
    OWNER,
    EngineError,
    NoEngineError,
    find_engine,
    label_options,
)
from cdk_rehearsal.terminal import printable
from tools.operations.account import OperationError, account_of, is_local
from tools.operations.service import DeployedService, choose, container_of
from tools.rehearsal.sample_image import CACHE, SEED
from tools.service_choice import add_options, load_chosen

_CURL = (
    *("--entrypoint=curl", SEED, "--silent", "--show-error", "--max-time", "5"),
    *("--fail-with-body", "--write-out", r"\n%{http_code}"),
)
_NO_ANSWER = "000"
"""What curl prints as the HTTP status if there is no answer."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the answer of the service, and return the status of the call."""
    parser = argparse.ArgumentParser(prog="python -m tools.playground.call", description=__doc__)
    add_options(parser)
    parser.add_argument("--route", default="/", help="the path of the URL")
    given = parser.parse_args(arguments)
    try:
        return call(given)
    except (OperationError, EngineError, NoEngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def call(given: argparse.Namespace) -> int:
    """Call the service from a container beside its tasks; return the status of curl.

    That is 22 for an HTTP status of 400 or more.
    """
    settings = choose(load_chosen(given.env_file), given.service)
    if not is_local():
        raise OperationError(
            "a service on AWS answers inside its VPC only: call it from a task, with make shell"
        )
    with account_of(settings) as aws:
        tasks = DeployedService(settings, aws).tasks()
    service = settings.service
    if not tasks:
        raise OperationError(f"no task of {service.service_name} runs")
    engine = find_engine(CACHE)
    container = container_of(engine, tasks)
    url = f"http://{service.service_name}.{service.namespace_name}"
    url += f":{service.container_port}{given.route}"
    print(f"  GET {url} from another container", file=sys.stderr)
    image = engine("inspect", "--format", "{{.Image}}", container)
    if image == engine("image", "inspect", "--format", "{{.Id}}", SEED):
        print(
            "  There is no delivery yet (make deliver): the sample service answers, in place of "
            f"seed_image. On AWS seed_image would refuse port {service.container_port}, unless it "
            "listens there.",
            file=sys.stderr,
        )
    # The playground removes what has its label, also if this command is killed.
    owner = engine("inspect", "--format", f'{{{{index .Config.Labels "{OWNER}"}}}}', container)
    # The volumes of the task have the file that names the resolver of the VPC.
    network = [f"--network=container:{container}", f"--volumes-from={container}"]
    call = [*engine.command, "run", "--rm", *network, *label_options({OWNER: owner}), *_CURL, url]
    done = subprocess.run(
        call, env=engine.environment, stdout=subprocess.PIPE, check=False, errors="replace"
    )
    answer, _, status = done.stdout.rpartition("\n")
    print(printable(answer))
    if status != _NO_ANSWER:
        print(f"HTTP {status}")
    return done.returncode


if __name__ == "__main__":
    run(main)
