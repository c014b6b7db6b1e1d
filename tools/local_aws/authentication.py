"""Authentication: the emulator answers only requests that are signed with a key of this run.

Every web page and every other user of this machine can send requests to 127.0.0.1. MiniStack does
not verify the signatures of root, and serves some paths without any key. So this middleware checks
each request before MiniStack sees it, on every path. MiniStack then decides what the caller may do
(`AUTH=true`, `iam.judge`). Scripts in the folders that MiniStack runs at its start
(`/etc/localstack/init` and others) carry no key: they do not run.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qs

from ministack import app as ministack_app
from ministack.core import iam_evaluator, sigv4
from ministack.core.iam_actions import access_denied_response
from ministack.core.router import detect_service
from ministack.services import ecr, sts
from ministack.services.cloudformation import wait_conditions

from tools.local_aws.credentials import HOST
from tools.local_aws.iam.judge import calling_key
from tools.local_aws.replacements import replaces

# As ASGI has them: dictionaries whose keys depend on their type.
Scope: TypeAlias = Any
Message: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_ALGORITHM = "AWS4-HMAC-SHA256"
# MiniStack also takes other algorithms in URLs, and fails to compare a signature that is not ASCII.
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
# Paths that administer the emulator or hand out credentials.
_ROOT_ONLY = ("/_ministack/", "/_localstack/", "/latest/", "/v2/credentials")
_REGISTRY_LOGIN_SECONDS = 12 * 3600
_URL_SECONDS = 600


@dataclass(frozen=True)
class Request:
    """A request as the client sent it; values of a repeated header are joined as SigV4 does it."""

    method: str
    path: str
    raw_path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, scope: Scope) -> Self:
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), sigv4.decode_header_value(raw_value)
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        query = scope["query_string"].decode("utf-8", "replace")
        return cls(
            method=scope["method"],
            path=scope["path"],
            raw_path=scope["raw_path"].decode("latin-1"),
            query=parse_qs(query, keep_blank_values=True),
            headers=headers,
        )

    @property
    def presigned(self) -> bool:
        """Whether the signature is in the URL."""
        return "X-Amz-Algorithm" in self.query

    def first(self, parameter: str) -> str:
        return self.query.get(parameter, [""])[0]


class RefusedError(Exception):
    """The request is refused; the exception holds the answer."""

    def __init__(self, line: str, *, status: int = 403, **headers: str) -> None:
        super().__init__(line)
        self.status = status
        self.headers = {"Content-Type": "text/plain; charset=utf-8"} | headers
        self.body = f"{line}\n".encode()


class BadSignatureError(RefusedError):
    """A wrong signature; the answer is the service's error document, which AWS's tools read."""

    def __init__(self, request: Request, code: str, message: str) -> None:
        super().__init__(message)
        headers, query = dict(request.headers), dict(request.query)
        service = detect_service(request.method, request.path, headers, query)
        self.status, self.headers, self.body = access_denied_response(
            service, "", "", str(uuid.uuid4()), error_code=code, message=message, headers=headers
        )


class AuthenticationMiddleware:
    """Wraps the ASGI application ``app``, whose only name is ``address`` (host and port)."""

    def __init__(self, app: Application, *, address: str) -> None:
        self._app = app
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # closed before it was accepted: refused
            return
        if scope["type"] == "http":
            request = Request.of(scope)
            try:
                receive = await self._admit(request, receive)
            except RefusedError as refusal:
                await _refuse(request, refusal, send)
                return
            send = _without_cors(send)
        await self._app(scope, receive, send)

    async def _admit(self, request: Request, receive: Receive) -> Receive:
        """Return a function that receives the body; ``RefusedError`` if the request is refused."""
        try:
            self._require_no_browser(request)
            if _has_issued_secret(request):
                return receive
            signature, caller = _identify(request)
        except RefusedError:
            # A client reads the answer only after it has sent the whole body. We keep none of it,
            # so a large body of an unknown client takes no memory.
            await _skip(receive)
            raise
        body = await _read(receive)
        if failure := _failure(request, signature, caller.secret_access_key, body):
            raise BadSignatureError(request, *failure)
        if request.path.lower().startswith(_ROOT_ONLY) and caller.principal_type != "Root":
            raise RefusedError("Only the root key administers this local AWS.")
        return _received_again(body, receive)

    def _require_no_browser(self, request: Request) -> None:
        """Refuse requests of web pages, and other host names, which DNS rebinding would use."""
        if request.headers.get("host") != self._address:
            raise RefusedError(f"This local AWS answers to {self._address} only.")
        fetched_from = request.headers.get("sec-fetch-site", "none")
        if "origin" in request.headers or fetched_from != "none":
            raise RefusedError("This local AWS answers no web page.")


def _identify(
    request: Request,
) -> tuple[sigv4.HeaderSignature, iam_evaluator.ResolvedCredential]:
    """Return the signature of a request, and the credentials that it claims to be made with."""
    signed_by_header = request.headers.get("authorization", "").startswith(f"{_ALGORITHM} ")
    # With two signatures MiniStack might act for the caller whose signature we did not check.
    if signed_by_header == request.presigned or "AWSAccessKeyId" in request.query:
        raise _unsigned(request)
    signature = (
        sigv4.parse_query_signature(request.query)
        if request.presigned
        else sigv4.parse_header_signature(request.headers)
    )
    if isinstance(signature, tuple):
        raise BadSignatureError(request, *signature)
    return signature, _credential(request, signature.access_key_id)


def _unsigned(request: Request) -> RefusedError:
    line = (
        "This local AWS answers only what is signed with a key of this run (Signature Version 4)."
    )
    if ministack_app._is_ecr_registry_path(request.path):
        # Docker sends its login only after this answer.
        challenge = {"WWW-Authenticate": 'Basic realm="ECR"'}
        return RefusedError(line, status=401, **challenge)
    return RefusedError(line)


def _credential(request: Request, access_key_id: str) -> iam_evaluator.ResolvedCredential:
    """Return the credentials of root, of an IAM user, or of a session of a role."""
    token = (
        request.first("X-Amz-Security-Token")
        if request.presigned
        else request.headers.get("x-amz-security-token", "")
    )
    account = os.environ["MINISTACK_ACCOUNT_ID"]
    found = iam_evaluator.resolve_credential(access_key_id, account, token)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        raise BadSignatureError(request, found.code, found.message)
    return found


def _failure(
    request: Request, signature: sigv4.HeaderSignature, secret: str, body: bytes
) -> tuple[str, str] | None:
    """Return the code and message of the error in a signature; None if it is right."""
    if not _SIGNATURE.fullmatch(signature.signature):
        return "SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH
    if request.presigned:
        try:
            lifetime = request.first("X-Amz-Expires")
            expired = sigv4.presigned_request_is_expired(signature.amz_date, lifetime)
        except (ValueError, OverflowError):
            expired = True
        untimely = ("RequestExpired", "Request has expired") if expired else None
    else:
        untimely = sigv4.request_time_failure(signature)
    if untimely:
        return untimely
    # The signature covers the checksum that the client states; compare that with the body.
    stated = request.headers.get("x-amz-content-sha256", "")
    computed = hashlib.sha256(body).hexdigest()
    if len(stated) == len(computed) and stated != computed:
        return "SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH
    failure: tuple[str, str] | None = sigv4.header_signature_failure(
        signature,
        secret,
        request.method,
        request.raw_path,
        request.query,
        request.headers,
        body,
        presigned=request.presigned,
    )
    return failure


_registry_logins: dict[str, tuple[float, str]] = {}
"""When each login expires, and the access key for which it was issued."""
_urls: dict[tuple[str, str], float] = {}
"""When each issued URL expires, by its path and key."""


def issue_url(path: str) -> str:
    """Return a URL with a random key, which works for a while without a signature."""
    key = secrets.token_urlsafe(32)
    _urls[path, key] = time.monotonic() + _URL_SECONDS
    return f"https://{HOST}:{os.environ['GATEWAY_PORT']}{path}?key={key}"


def registry_caller(authorization: str) -> str:
    """Return the access key for which a docker login was issued; empty if nobody has it."""
    _, _, login = authorization.partition(" ")
    return _registry_logins.get(login, (0, ""))[1]


def _has_issued_secret(request: Request) -> bool:
    """Say whether a request has a random secret that a signed request received before.

    Docker logs in with a random password. The URL of an image layer and the URL to which a wait
    condition's signals go contain a random key. Functions of custom resources need no URL: they
    answer through a pipe.
    """
    until = _urls.get((request.path, request.first("key")), 0)
    if request.method == "GET" and until > time.monotonic():
        return True
    if ministack_app._is_ecr_registry_path(request.path):
        kind, _, login = request.headers.get("authorization", "").partition(" ")
        return (
            kind.lower() == "basic" and _registry_logins.get(login, (0, ""))[0] > time.monotonic()
        )
    folder, _, token = request.path.rpartition("/")
    signals = request.method == "PUT" and f"{folder}/" == wait_conditions.SIGNAL_PATH
    return signals and bool(wait_conditions.has_handle(token))


@replaces(
    ecr,
    "_get_authorization_token",
    upstream="Gap: the registry's login is the same for everybody; it could be random.",
)
def issue_registry_login(
    original: Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]], data: dict[str, Any]
) -> tuple[int, dict[str, str], bytes]:
    """Issue a random login; MiniStack's is the same for everybody."""
    status, headers, body = original(data)
    answer = json.loads(body)
    login = base64.b64encode(f"AWS:{secrets.token_urlsafe(32)}".encode()).decode()
    for each in answer["authorizationData"]:
        each["authorizationToken"] = login
    _registry_logins[login] = (time.monotonic() + _REGISTRY_LOGIN_SECONDS, calling_key())
    return status, headers, json.dumps(answer).encode()


async def _skip(receive: Receive) -> None:
    while (await receive()).get("more_body", False):
        pass


async def _read(receive: Receive) -> bytes:
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _received_again(body: bytes, receive: Receive) -> Receive:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def _without_cors(send: Send) -> Send:
    """Remove the CORS headers with which MiniStack lets every web page read its answers."""

    async def send_without(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message["headers"]
                if not name.lower().startswith(b"access-control-")
            ]
            message = message | {"headers": kept}
        await send(message)

    return send_without


async def _refuse(request: Request, refusal: RefusedError, send: Send) -> None:
    body = b"" if request.method == "HEAD" else refusal.body
    headers = refusal.headers | {"Content-Length": str(len(body))}
    await send(
        {
            "type": "http.response.start",
            "status": refusal.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})


@replaces(
    ministack_app,
    "_collect_scripts",
    upstream="Gap: a setting under which no script of the machine's folders is run.",
)
def no_scripts(_original: Callable[..., list[str]], *_folders: str) -> list[str]:
    """Run no scripts of /etc/localstack/init or /docker-entrypoint-initaws.d."""
    return []


@replaces(
    iam_evaluator,
    "is_root_access_key",
    bound_in=(sts,),
    upstream="Gap: a setting under which only the configured key is root's.",
)
def is_root_key(_original: Callable[[str], bool], access_key_id: str) -> bool:
    """Accept one key as root's; MiniStack also accepts "test", no key, and any twelve digits."""
    return access_key_id == os.environ["AWS_ACCESS_KEY_ID"]


@replaces(
    iam_evaluator,
    "_is_root_key",
    upstream="Gap: with AUTH=true the signatures of root are taken for right unseen.",
)
def skips_verification(_original: Callable[[str], bool], _access_key_id: str) -> bool:
    """Verify the signatures of root as well; MiniStack does not."""
    return False
