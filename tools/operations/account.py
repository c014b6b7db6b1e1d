"""The AWS account of the settings."""

import os
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from settings import Settings
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import ERRORS, result_of_error
from tools.service_choice import shown_file

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class OperationError(Exception):
    """The operation is not possible; the message says why and what the user can do."""


class Account:
    """The account of the settings; the constructor prints whose credentials it uses.

    Raises ``OperationError`` if the credentials do not work or belong to another account.
    """

    def __init__(self, settings: Settings) -> None:
        self._aws = Aws(settings.aws_region)
        self.region = settings.aws_region
        found = self.call("sts", "get_caller_identity")
        say(f"Account {found['Account']}, {self.region}, at {self._aws.endpoint}: {found['Arn']}")
        if found["Account"] != settings.account_number:
            raise OperationError(
                f"the credentials are of account {found['Account']}, but {shown_file(settings)} "
                f'says account_number="{settings.account_number}": choose another AWS_PROFILE'
            )

    @property
    def is_local(self) -> bool:
        """Whether the calls go to a local AWS on this machine."""
        return urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname in _LOOPBACK

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[Any]:
        """Yield the result of a call page by page."""
        try:
            yield from self._aws.client(service).get_paginator(operation).paginate(**parameters)
        except ERRORS as error:
            raise OperationError(self._explain(error)) from error

    def call(self, service: str, operation: str, *absent: str, **parameters: Any) -> Any:
        """Return the result of a call; raise ``OperationError`` if it fails.

        If the call fails with an error code among ``absent``, the result is None.
        """
        try:
            method = getattr(self._aws.client(service), operation)
            return reply_or_none(method, *absent, **parameters)
        except ERRORS as error:
            raise OperationError(self._explain(error)) from error

    def _explain(self, error: Any) -> str:
        line = result_of_error(error, self._aws).line
        said = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else ""
        return line if not said or said in line else f"{line}: {said}"


def say(text: str) -> None:
    """Print on standard error what is not the result."""
    print(text, file=sys.stderr, flush=True)


def confirm(change: str, *, yes: bool) -> None:
    """Ask the user whether to make a change; raise ``OperationError`` without an agreement."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise OperationError(f"{change}: there is no terminal for the question; add YES=1")
    print(f"{change}? [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise OperationError("nothing was changed")
