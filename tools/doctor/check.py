"""Questions about an account, their results, and what the errors of AWS mean for a result."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from settings import Settings
from tools.doctor.aws import Aws, code_of


class Verdict(StrEnum):
    """The kinds of results, in the words that the user reads."""

    OK = "ok"
    PROBLEM = "PROBLEM"
    NOTE = "note"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Result:
    """A verdict, what was found, and what to do about it (empty if there is nothing to do)."""

    verdict: Verdict
    found: str
    to_do: str = ""

    @property
    def line(self) -> str:
        """What was found and what to do, in one line."""
        return f"{self.found} -> {self.to_do}" if self.to_do else self.found


def ok(found: str) -> Result:
    """Say that a deploy can rely on this."""
    return Result(Verdict.OK, found)


def problem(found: str, to_do: str) -> Result:
    """Say that a deploy or the first delivery would fail."""
    return Result(Verdict.PROBLEM, found, to_do)


def note(found: str, to_do: str) -> Result:
    """Say that a deploy succeeds, but that the user should know something about it."""
    return Result(Verdict.NOTE, found, to_do)


def not_checked(why: str, to_do: str = "") -> Result:
    """Say why the doctor could not find out."""
    return Result(Verdict.NOT_CHECKED, why, to_do)


class Question(NamedTuple):
    """One question about an account.

    ``about`` names its subject in a few words. ``answer`` only reads, its result holds no secret,
    and it may raise ``ERRORS``.
    """

    about: str
    answer: Callable[[Settings, Aws], Result]

    def result(self, settings: Settings, aws: Aws) -> Result:
        """Return the answer, or what stands for an error of boto3."""
        try:
            return self.answer(settings, aws)
        except ERRORS as error:
            return result_of_error(error, aws)


ERRORS = (BotoCoreError, ClientError)
"""What boto3 raises."""

_SIGN_IN = "sign in (aws sso login, aws configure) or set AWS_PROFILE"
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ProfileNotFound,
    SSOError,
)
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
)
_REJECTED = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId"),
        *("UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"),
        *("InvalidAccessKeyId", "InvalidSignatureException"),
    }
)


def result_of_error(error: BotoCoreError | ClientError, aws: Aws) -> Result:
    """Return the result that stands for an error of boto3: a missing permission is no problem."""
    if isinstance(error, ClientError):
        return _result_of_refusal(error, aws)
    if isinstance(error, _NO_CREDENTIALS):
        return problem(f"no usable credentials ({_first_line(error)})", _SIGN_IN)
    if isinstance(error, (HTTPClientError, NoConnectionError)):
        return problem(f"{aws.endpoint} does not answer", "check the network and AWS_ENDPOINT_URL")
    return not_checked(_first_line(error))


def _result_of_refusal(error: ClientError, aws: Aws) -> Result:
    code = code_of(error)
    if code in _REJECTED:
        return problem(f"{aws.endpoint} does not accept the credentials ({code})", _SIGN_IN)
    if code in _DENIED:
        return not_checked(f"needs the permission {_permission(error)}")
    return not_checked(f"{error.operation_name} failed with {code or 'no reason'}")


def _permission(error: ClientError) -> str:
    message = str(error.response["Error"].get("Message", ""))
    named = re.search(r"perform: ([\w-]+:\w+)", message)
    return named[1] if named else error.operation_name


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
