"""The command `cdk-rehearsal`: rehearses the CDK app in a folder, or serves a local AWS."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from cdk_rehearsal.cdk.app import AppWorkspace, find_cli
from cdk_rehearsal.containers.engine import default_cache
from cdk_rehearsal.deploy_policy.rehearsed import rehearse_policy
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.rehearse import NotKnownError, rehearse
from cdk_rehearsal.report import ConsoleReport
from cdk_rehearsal.server.local_aws import LocalAws, LocalAwsError
from cdk_rehearsal.terminal import guard_output

_FAILED, _NOT_KNOWN, _STOPPED = 1, 2, 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_COMMANDS = ("run", "serve", "deploy-policy")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command; the process ends with 0, 1 (failed), 2 (not known) or 130 (stopped)."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, _stop)
    guard_output()
    given = _arguments(list(sys.argv[1:] if arguments is None else arguments))
    try:
        given.function(given)
        sys.stdout.flush()
    except NotKnownError as error:
        _end(f"Nothing of the app was made. The local AWS does not know:\n{error}", _NOT_KNOWN)
    except (RehearsalError, LocalAwsError, PermissionError) as error:
        _end(f"error: {error}", _FAILED)
    except KeyboardInterrupt:
        _end("\nStopped.", _STOPPED)
    except BrokenPipeError:  # `| head`; Python would write the rest when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_FAILED)
    sys.exit(0)


def _run(given: argparse.Namespace) -> None:
    report = ConsoleReport()
    with _opened(given, report) as (aws, workspace):
        rehearse(report, aws, workspace, prepare=given.before, anyway=given.anyway)
    report.end(f"The rehearsal went through in {report.seconds:.0f} s.")


def _deploy_policy(given: argparse.Namespace) -> None:
    report = ConsoleReport()
    rehearse_policy(
        report,
        lambda: _opened(given, report),
        given.to,
        prepare=given.before,
        anyway=given.anyway,
        without=given.without,
        against=given.against,
    )
    report.end(f"{given.to} has the policy, a boundary and the reasons.")


@contextmanager
def _opened(
    given: argparse.Namespace, report: ConsoleReport
) -> Iterator[tuple[LocalAws, AppWorkspace]]:
    app = given.app.resolve()
    if not (app / "cdk.json").is_file():
        raise RehearsalError(f"{app} has no cdk.json: it is not the folder of a CDK app")
    cache = default_cache()
    cli = find_cli(app, cache)
    with LocalAws(account=given.account, region=given.region) as aws:
        place = f"aws://{aws.access.account}/{aws.access.region}"
        report.say(f"Rehearsal of {app.name} in {place}, with {cli[0]}")
        with AppWorkspace(aws, app, cli=cli, cache=cache, context=given.context) as workspace:
            workspace.environment |= {name: os.environ[name] for name in given.env}
            yield aws, workspace


def _serve(given: argparse.Namespace) -> None:
    """Start a local AWS, print the variables with which a shell uses it, and wait for Ctrl-C."""
    with LocalAws(account=given.account, region=given.region) as aws:
        for name, value in aws.access.environment(shell={}).items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        while True:
            signal.pause()


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cdk-rehearsal", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser(
        "run",
        help="bootstrap, deploy, find every resource, destroy, and say who was allowed what"
        " (the default)",
    )
    run.set_defaults(function=_run)
    policy = commands.add_parser(
        "deploy-policy",
        help="write the least policy for `cdk bootstrap --cloudformation-execution-policies`, and"
        " prove it by a second rehearsal",
    )
    policy.set_defaults(function=_deploy_policy)
    policy.add_argument("--to", type=Path, default=Path("deploy-policy"), help="a folder for it")
    policy.add_argument(
        "--without",
        type=int,
        default=0,
        metavar="COUNT",
        help="also rehearse without so many of the statements, each of which must be missed",
    )
    policy.add_argument(
        "--against", type=Path, metavar="FOLDER", help="print what changes against this policy"
    )
    serve = commands.add_parser(
        "serve", help="start a local AWS, and print the variables with which a shell uses it"
    )
    serve.set_defaults(function=_serve)
    for each in (run, policy):
        _add_app(each)
    for each in (run, policy, serve):
        _add_place(each)
    if not arguments or arguments[0] not in (*_COMMANDS, "-h", "--help"):
        arguments = ["run", *arguments]
    return parser.parse_args(arguments)


def _add_app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "app", nargs="?", type=Path, default=Path(), help="the folder with cdk.json"
    )
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="for the app"
    )
    parser.add_argument(
        "--env",
        type=_variable,
        action="append",
        default=[],
        metavar="NAME",
        help="a variable of the shell that the app needs",
    )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="go on although the local AWS would ignore properties, or not find a resource",
    )
    parser.add_argument(
        "--before",
        action="append",
        default=[],
        metavar="COMMAND",
        help="a shell command that makes what the app expects to exist, as root",
    )


def _add_place(parser: argparse.ArgumentParser) -> None:
    account = os.environ.get("CDK_DEFAULT_ACCOUNT", "111122223333")
    region = os.environ.get("CDK_DEFAULT_REGION", "eu-west-1")
    parser.add_argument("--account", default=account, help=f"of the local AWS; {account}")
    parser.add_argument("--region", default=region, help=f"of the local AWS; {region}")


def _variable(name: str) -> str:
    if name not in os.environ:
        raise argparse.ArgumentTypeError(f"the shell has no variable {name!a}")
    return name


def _stop(_number: int, _frame: FrameType | None) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # a second one must not interrupt the cleanup
    raise KeyboardInterrupt


def _end(message: str, status: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
