"""Look at a deployed service, deliver, roll back: ``python -m tools.operations``.

All names come from the settings. A command that changes something asks first, or takes ``--yes``.
"""

from tools.command_line import run

import argparse
import sys
from collections.abc import Sequence

from cdk_rehearsal.containers import NoEngineError
from tools.operations.account import OperationError, account_of
from tools.operations.deliveries import deliver, roll_back
from tools.operations.service import LOG_GROUPS, DeployedService, choose, open_shell, show_logs
from tools.operations.status import show_status
from tools.service_choice import add_options, load_chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operation and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        if given.of not in LOG_GROUPS:
            raise OperationError(f"OF={given.of}: expected OF={' or OF='.join(LOG_GROUPS)}")
        if not given.since.isdecimal():
            raise OperationError(f"SINCE={given.since}: expected a number of minutes")
        deployment = load_chosen(given.env_file)
        if given.service or given.operation != "status":
            deployment = (choose(deployment, given.service),)
        for settings in deployment:
            with account_of(settings) as aws:
                if status := _run(DeployedService(settings, aws), given):
                    return status
    except (OperationError, NoEngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(service: DeployedService, given: argparse.Namespace) -> int:
    match given.operation:
        case "status":
            show_status(service)
        case "logs":
            follow = given.follow or sys.stdout.isatty()
            show_logs(service, of=given.of, minutes=int(given.since), follow=follow)
        case "shell":
            return open_shell(service, task_prefix=given.task, command_line=given.command)
        case "deliver":
            deliver(service, commit=given.commit, image=given.image, yes=given.yes)
        case "rollback":
            roll_back(service, to=given.to, yes=given.yes)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.operations", description=__doc__)
    parser.add_argument("operation", choices=["status", "logs", "shell", "deliver", "rollback"])
    add_options(parser)
    parser.add_argument("--of", default="service", help=f"logs of {', '.join(LOG_GROUPS)}")
    parser.add_argument("--since", default="10", help="logs of these last minutes")
    parser.add_argument("--follow", action="store_true", help="logs: wait for new lines")
    parser.add_argument("--task", default="", help="shell: the beginning of the task id")
    parser.add_argument("--command", default="sh", help="shell: what runs in the task")
    parser.add_argument("--commit", default="", help="deliver a commit instead of the newest one")
    parser.add_argument("--image", default="", help="deliver the image with this digest")
    parser.add_argument("--to", default="", help="roll back to this execution of the pipeline")
    parser.add_argument("--yes", action="store_true", help="deliver, rollback: do not ask")
    return parser


if __name__ == "__main__":
    run(main)
