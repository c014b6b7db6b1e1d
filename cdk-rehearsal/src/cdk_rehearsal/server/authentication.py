"""Authentication: whose key has signed a request, and whether it has signed all that acts.

Every web page and every other user of this machine can send requests to 127.0.0.1. A request needs
the signature of a key of this run, or a secret that a signed request received before.
"""

import hashlib
import os
import re
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from ministack.core import iam_evaluator, sigv4
from ministack.core.iam_actions import access_denied_response
from ministack.services import sts

from cdk_rehearsal.environment import HOST
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Response
from cdk_rehearsal.server.api_request import Request

Claim: TypeAlias = tuple[sigv4.HeaderSignature, iam_evaluator.ResolvedCredential]

_ALGORITHM = "AWS4-HMAC-SHA256"
# The query parameters of a URL that is signed in advance, which is refused.
_SIGNATURE_IN_URL = ("x-amz-algorithm", "x-amz-credential", "x-amz-signature", "awsaccesskeyid")
_FIELDS = ("Credential", "SignedHeaders", "Signature")
_SIGNATURE = _SHA256 = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"\d{8}T\d{6}Z")
_REGION = re.compile(r"[a-z0-9-]+")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
_WINDOW = timedelta(minutes=15)
_URL_SECONDS = 600


class RefusedError(Exception):
    """The request is refused; the exception holds the answer."""

    def __init__(self, line: str, *, status: int = 403) -> None:
        super().__init__(line)
        plain = {"Content-Type": "text/plain; charset=utf-8"}
        self.response: Response = (status, plain, f"{line}\n".encode())


class ErrorOfServiceError(RefusedError):
    """The answer is the error document of the service, which AWS's tools read."""

    def __init__(self, request: Request, service: str, code: str, message: str) -> None:
        super().__init__(message)
        self.response = access_denied_response(
            service, "", "", str(uuid.uuid4()),
            error_code=code, message=message, headers=dict(request.headers),
        )  # fmt: skip


def identify(request: Request) -> Claim:
    """Return the signature of a request, and the credentials that it claims to be made with."""
    in_url = [name for name in request.query if name.lower() in _SIGNATURE_IN_URL]
    if in_url or not request.headers.get("authorization", "").startswith(f"{_ALGORITHM} "):
        raise RefusedError(
            "This local AWS answers only what is signed with a key of this run, in the header"
            " Authorization (Signature Version 4)."
        )
    signature = sigv4.parse_header_signature(request.headers)
    if isinstance(signature, tuple):
        raise ErrorOfServiceError(request, "", *signature)
    given = request.headers["authorization"].partition(" ")[2].split(",")
    names = sorted(part.strip().partition("=")[0] for part in given)
    if names != sorted(_FIELDS) or "authorization" in request.repeated:
        twice = f"The Authorization header has {', '.join(names)}; it has each of its fields once"
        raise ErrorOfServiceError(request, signature.service, "IncompleteSignature", twice)
    return signature, _credential(request, signature)


def _credential(
    request: Request, signature: sigv4.HeaderSignature
) -> iam_evaluator.ResolvedCredential:
    """Return the credentials of root, of an IAM user, or of a session of a role."""
    token = request.headers.get("x-amz-security-token", "")
    account = os.environ["MINISTACK_ACCOUNT_ID"]
    found = iam_evaluator.resolve_credential(signature.access_key_id, account, token)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        raise ErrorOfServiceError(request, signature.service, found.code, found.message)
    return found


def verify(request: Request, signature: sigv4.HeaderSignature, secret: str, body: bytes) -> None:
    """Refuse a signature that is wrong, out of its time, or over less than what acts."""
    failure = (
        _untimely(signature)
        or _incomplete(request, signature, body)
        or sigv4.header_signature_failure(
            signature,
            secret,
            request.method,
            request.raw_path,
            request.query,
            request.headers,
            body,
        )
    )
    if failure:
        raise ErrorOfServiceError(request, signature.service, *failure)


def _untimely(signature: sigv4.HeaderSignature) -> tuple[str, str] | None:
    """Return the error of a signature that is too old or of the future."""
    try:
        if not _DATE.fullmatch(signature.amz_date):
            raise ValueError(signature.amz_date)
        signed = datetime.strptime(signature.amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "IncompleteSignature", f"X-Amz-Date is {signature.amz_date!a}, not 20260131T235959Z"
    late = "The difference between the request time and the current time is too large."
    outside = abs(datetime.now(UTC) - signed) > _WINDOW
    return ("RequestTimeTooSkewed", late) if outside else None


def _incomplete(
    request: Request, signature: sigv4.HeaderSignature, body: bytes
) -> tuple[str, str] | None:
    """Return the error of a signature that leaves out what has to be in it."""
    if not _SIGNATURE.fullmatch(signature.signature) or not _REGION.fullmatch(signature.region):
        return "SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH
    if "host" not in signature.signed_headers.split(";"):
        return "IncompleteSignature", "The header host is not signed"
    stated = request.headers.get("x-amz-content-sha256", "")
    # The signature covers the checksum that the client states; compare that with the body.
    if _SHA256.fullmatch(stated):
        if stated != hashlib.sha256(body).hexdigest():
            return "SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH
    elif stated and signature.service != "s3":
        return "IncompleteSignature", f"The body is not signed: x-amz-content-sha256 is {stated!a}"
    return None


# --- Secrets that a signed request receives.

_urls: dict[tuple[str, str], float] = {}
"""When each issued URL expires, by its path and key."""


def issue_url(path: str) -> str:
    """Return a URL with a random key, which works for a while without a signature."""
    key = secrets.token_urlsafe(32)
    _urls[path, key] = time.monotonic() + _URL_SECONDS
    return f"https://{HOST}:{os.environ['GATEWAY_PORT']}{path}?key={key}"


def has_issued_url(request: Request) -> bool:
    """Say whether it is the URL of an image layer that was issued, and still works.

    It is the only request that docker's registry protocol has here: images come and go through the
    API of ECR, where each call is judged.
    """
    until = _urls.get((request.path, request.first("key")), 0)
    return request.method == "GET" and until > time.monotonic()


@replaces(iam_evaluator, "is_root_access_key", bound_in=(sts,))
def is_root_key(_original: Callable[[str], bool], access_key_id: str) -> bool:
    """Accept one key as root's; MiniStack also accepts "test", no key, and any twelve digits."""
    return access_key_id == os.environ["AWS_ACCESS_KEY_ID"]
