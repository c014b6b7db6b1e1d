"""The AWS account of the settings."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from settings import Settings
from tools.doctor.account import credentials
from tools.doctor.aws import Aws
from tools.doctor.check import ERRORS, Verdict, result_of_error

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class OperationError(Exception):
    """The operation is not possible; the message says why and what the user can do."""


@contextmanager
def account_of(settings: Settings) -> Iterator[Aws]:
    """Provide the account of the settings, and print whose credentials it uses.

    Raises ``OperationError`` if the credentials belong to another account, and in the place of an
    error of AWS that the block raises.
    """
    aws = Aws(settings.aws_region)
    try:
        result = credentials(settings, aws)
        if result.verdict is Verdict.PROBLEM:
            raise OperationError(f"the credentials {result.line}")
        print(f"{aws.region}, at {aws.endpoint}: {result.line}", file=sys.stderr)
        yield aws
    except ERRORS as error:
        line = result_of_error(error, aws).line
        said = str(error).rpartition(" operation: ")[2]
        raise OperationError(line if said in line else f"{line}: {said}") from error


def is_local() -> bool:
    """Say whether the calls go to a local AWS on this machine."""
    return urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname in _LOOPBACK


def confirm(change: str, *, yes: bool) -> None:
    """Ask the user whether to make a change; raise ``OperationError`` without an agreement."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise OperationError(f"{change}: there is no terminal for the question; add YES=1")
    print(f"{change}? [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise OperationError("nothing was changed")
