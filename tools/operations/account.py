"""The account that is asked: named first, each call shown as the AWS command that does the same."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.exceptions import ClientError

from settings import Settings
from tools.doctor.aws import Aws, code_of
from tools.doctor.check import ERRORS, result_of_error

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class OperationError(Exception):
    """Why it cannot be done, and what to do about it, for the person who asked for it."""


class Account:
    """The account of the settings. Whoever asks for one learns whose credentials are used.

    ``OperationError`` if they are of another account, or do not work.
    """

    def __init__(self, settings: Settings) -> None:
        self._aws = Aws(settings.aws_region)
        self.region = settings.aws_region
        found = self._ask("sts", "get_caller_identity", (), {})
        say(f"Account {found['Account']}, {self.region}, at {self._aws.endpoint}: {found['Arn']}")
        if found["Account"] != settings.account_number:
            raise OperationError(
                f"the credentials are of account {found['Account']}, but {settings.env_file} says "
                f'account_number="{settings.account_number}": choose another AWS_PROFILE'
            )

    @property
    def is_local(self) -> bool:
        """Whether it is a local AWS on this machine."""
        return urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname in LOOPBACK

    def call(self, service: str, operation: str, *absent: str, **parameters: Any) -> Any:
        """Show the call as a command, and return its result; ``OperationError`` if it fails.

        None stands for an error whose code is among ``absent``.
        """
        say(f"  $ {command(service, operation, self.region, **parameters)}")
        return self._ask(service, operation, absent, parameters)

    def _ask(
        self, service: str, operation: str, absent: tuple[str, ...], parameters: dict[str, Any]
    ) -> Any:
        try:
            return getattr(self._aws.client(service), operation)(**parameters)
        except ERRORS as error:
            if isinstance(error, ClientError) and code_of(error) in absent:
                return None
            raise OperationError(self._explain(error)) from error

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[Any]:
        """Show the call as a command, and yield its result page by page."""
        say(f"  $ {command(service, operation, self.region, **parameters)}")
        try:
            yield from self._aws.client(service).get_paginator(operation).paginate(**parameters)
        except ERRORS as error:
            raise OperationError(self._explain(error)) from error

    def _explain(self, error: Any) -> str:
        line = result_of_error(error, self._aws).line
        said = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else ""
        return line if not said or said in line else f"{line}: {said}"


def command(service: str, operation: str, region: str, **parameters: Any) -> str:
    """Return the command of the AWS CLI that makes a call: it has the names of the API, too."""
    words = ["aws", service, operation.replace("_", "-")]
    for name, value in parameters.items():
        words += [f"--{xform_name(name, '-')}", *_words(value)]
    return shlex.join([*words, "--region", region])


def _words(value: Any) -> list[str]:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    return [json.dumps(value) if isinstance(value, (list, dict)) else str(value)]


def say(text: str) -> None:
    """Print what is not the result itself: who is asked, and what."""
    print(text, file=sys.stderr, flush=True)


def confirm(what: str, *, yes: bool) -> None:
    """Return if the user agrees to what is about to be done; ``OperationError`` otherwise."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise OperationError(f"{what}: nobody can be asked without a terminal; add YES=1")
    print(f"{what}? [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise OperationError("nothing was changed")
