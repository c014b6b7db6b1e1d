"""Look at a deployed service, deliver, roll back: ``python -m tools.operations``.

All names come from the settings. A command that changes something asks first, or takes ``--yes``.
"""

from tools.command_line import run

import argparse
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from tools.operations.account import OperationError, account_of
from tools.operations.deliveries import deliver, roll_back
from tools.operations.service import LOG_GROUPS, DeployedService, choose, open_shell, show_logs
from tools.operations.status import show_status
from tools.service_choice import load_chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operation and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        deployment = load_chosen(given.env_file)
        if given.service or given.operation != "status":
            deployment = (choose(deployment, given.service),)
        for settings in deployment:
            with account_of(settings) as aws:
                if status := _run(DeployedService(settings, aws), given):
                    return status
    except OperationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(service: DeployedService, given: argparse.Namespace) -> int:
    match given.operation:
        case "status":
            show_status(service)
        case "logs":
            follow = given.follow or sys.stdout.isatty()
            show_logs(service, of=given.of, minutes=given.since, follow=follow)
        case "shell":
            return open_shell(service, task_prefix=given.task, command_line=given.command)
        case "deliver":
            deliver(service, commit=given.commit, image=given.image, yes=given.yes)
        case "rollback":
            roll_back(service, to=given.to, yes=given.yes)
    return 0


class _Parser(argparse.ArgumentParser):
    """Names the variables of make in its errors: OF= for --of."""

    def error(self, message: str) -> NoReturn:
        """Print the error, and exit with 2."""
        said = re.sub(r"argument --(\w+): ", lambda found: f"{found[1].upper()}= ", message)
        self.exit(2, f"error: {said}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m tools.operations", description=__doc__)
    operations = parser.add_subparsers(dest="operation", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--env-file", help="settings file, .env by default; several with commas")
    common.add_argument("--service", help="the service_name, if there are several settings files")
    changing = argparse.ArgumentParser(add_help=False)
    changing.add_argument("--yes", action="store_true", help="do not ask")

    operations.add_parser("status", parents=[common], help="tasks, image, deliveries, alarms")
    logs = operations.add_parser("logs", parents=[common], help="older and new log lines")
    logs.add_argument("--of", default="service", choices=[*LOG_GROUPS])
    logs.add_argument("--since", default=10, type=int, metavar="MINUTES")
    logs.add_argument("--follow", action="store_true", help="wait for new lines")
    shell = operations.add_parser("shell", parents=[common], help="a shell in a task")
    shell.add_argument("--task", default="", help="the beginning of the task id")
    shell.add_argument("--command", default="sh")
    delivery = operations.add_parser("deliver", parents=[common, changing], help="start it")
    delivery.add_argument("--commit", default="", help="a commit instead of the newest one")
    delivery.add_argument("--image", default="", help="the digest of an image to deliver")
    back = operations.add_parser("rollback", parents=[common, changing], help="an older image")
    back.add_argument("--to", default="", metavar="EXECUTION", help="a delivery of your choice")
    return parser


if __name__ == "__main__":
    run(main)
