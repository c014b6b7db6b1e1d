"""Errors of AWS as answers: who is not allowed to ask, or gets no reply, learns just that."""

import re

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

from doctor.answer import Answer, not_checked, problem
from doctor.aws import Aws

ERRORS = (BotoCoreError, ClientError)
"""What boto3 raises."""

SIGN_IN = "sign in (aws sso login, aws configure) or set AWS_PROFILE"
"""What to do without credentials."""

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


def code_of(error: ClientError) -> str:
    """Return the error code of AWS."""
    return str(error.response.get("Error", {}).get("Code", ""))


def answer_to(error: BotoCoreError | ClientError, aws: Aws) -> Answer:
    """Say what an error means for the user."""
    if isinstance(error, ClientError):
        return _answer_to_reply(error, aws)
    if isinstance(error, _NO_CREDENTIALS):
        return problem(f"none that work ({_first_line(error)})", SIGN_IN)
    if isinstance(error, (HTTPClientError, NoConnectionError)):
        return problem(f"{aws.endpoint} does not answer", "check the network and AWS_ENDPOINT_URL")
    return not_checked(_first_line(error))


def _answer_to_reply(error: ClientError, aws: Aws) -> Answer:
    code = code_of(error)
    if code in _REJECTED:
        return problem(f"{aws.endpoint} does not accept the credentials ({code})", SIGN_IN)
    if code in _DENIED:
        return not_checked(f"needs the permission {_permission(error)}")
    return not_checked(f"{error.operation_name} failed with {code or 'no reason'}")


def _permission(error: ClientError) -> str:
    message = str(error.response["Error"].get("Message", ""))
    named = re.search(r"perform: ([\w-]+:\w+)", message)
    return named[1] if named else error.operation_name


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
