"""The one door: every request is verified, read once, judged, and handed to its handler.

Every web page and every other user of this machine can send requests to 127.0.0.1. A request needs
the signature of a key of this run (or a secret that a signed request received before). Then
`reading` says what it is; `iam.judge` decides about everybody but root; and the handler of its
service gets what was read. MiniStack's own application, which routes a request by its path, host
and headers, gets only what root administers the emulator with.

Scripts in the folders that MiniStack runs at its start (`/etc/localstack/init` and others) carry no
key: they do not run.
"""

import base64
import hashlib
import json
import logging
import os
import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeAlias

from ministack import app as ministack_app
from ministack.core import iam_evaluator, responses, sigv4
from ministack.core.iam_actions import access_denied_response
from ministack.services import s3, sts
from ministack.services.cloudformation import wait_conditions

from tools.local_aws.access import ALLOWED_PATH, LEDGER_PATH, PLAYED_SERVICE
from tools.local_aws.credentials import HOST
from tools.local_aws.iam import docker_registry
from tools.local_aws.iam.docker_registry import RegistryError
from tools.local_aws.iam.judge import Refusal, is_allowed, is_root, judge
from tools.local_aws.iam.ledger import LEDGER
from tools.local_aws.iam.principals import NoSuchPrincipalError
from tools.local_aws.reading import ApiRequest, Request, Scope, Signed, UnreadableError, read
from tools.local_aws.replacements import replaces
from tools.local_aws.responses import Response, json_error, json_response

Message: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_Claim: TypeAlias = tuple[sigv4.HeaderSignature, iam_evaluator.ResolvedCredential]

_LOG = logging.getLogger(__name__)
_ALGORITHM = "AWS4-HMAC-SHA256"
_FIELDS = ("Credential", "SignedHeaders", "Signature")
_SIGNATURE, _SHA256 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"\d{8}T\d{6}Z")
_REGION = re.compile(r"[a-z0-9-]+")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
_WINDOW = timedelta(minutes=15)
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
_LONGEST_URL = timedelta(days=7)
_ROOT_ONLY = "/_ministack/"
_REGISTRY_LOGIN_SECONDS = 12 * 3600
_URL_SECONDS = 600
# More than what is deployed here needs: an archive of an asset, and a layer of an image.
_BODY_BYTES, _LAYER_BYTES = 128 * 1024 * 1024, 1024 * 1024 * 1024
# What is read of a refused request, so that an ordinary client gets to read the answer.
_SKIPPED_BYTES = 16 * 1024 * 1024


class _Secret(Enum):
    """What a request without a signature is for, which has a secret instead."""

    REGISTRY = "an image"
    SIGNAL = "a wait condition"


class RefusedError(Exception):
    """The request is refused; the exception holds the answer."""

    def __init__(self, line: str, *, status: int = 403, **headers: str) -> None:
        super().__init__(line)
        plain = {"Content-Type": "text/plain; charset=utf-8"}
        self.response: Response = (status, plain | headers, f"{line}\n".encode())


class ErrorOfServiceError(RefusedError):
    """The answer is the error document of the service, which AWS's tools read."""

    def __init__(self, request: Request, service: str, code: str, message: str) -> None:
        super().__init__(message)
        self.response = access_denied_response(
            service, "", "", str(uuid.uuid4()),
            error_code=code, message=message, headers=dict(request.headers),
        )  # fmt: skip


class AuthenticationMiddleware:
    """Wraps the ASGI application ``app``, whose only name is ``address`` (host and port)."""

    def __init__(self, app: Application, *, address: str) -> None:
        self._app = app
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # closed before it was accepted: refused
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        else:
            request = Request.of(scope)
            try:
                response = await self._respond(scope, request, receive)
            except (RefusedError, RegistryError) as refusal:
                response = refusal.response
            await _answer(request, response, receive, send)

    async def _respond(self, scope: Scope, request: Request, receive: Receive) -> Response:
        _set_context(scope, os.environ["MINISTACK_REGION"])
        try:
            admitted = self._admit(request)
        except (RefusedError, RegistryError):
            # A client reads the answer only after it has sent the whole body. We keep none of it,
            # so a large body of an unknown client takes no memory.
            await _skip(receive)
            raise
        if admitted is _Secret.REGISTRY:
            return await docker_registry.serve(request, await _body(receive, _LAYER_BYTES))
        if admitted is _Secret.SIGNAL:
            signal = {**scope, "query_string": b""}
            return await self._administer(signal, await _body(receive, _BODY_BYTES))
        signature, credential = admitted
        body = await _body(receive, _BODY_BYTES)
        _verify(request, signature, credential.secret_access_key, body)
        if request.path.lower().startswith(_ROOT_ONLY):
            if not is_root(signature.access_key_id):
                raise RefusedError("Only the root key administers this local AWS.")
            return await self._administer(scope, body)
        _set_context(scope, signature.region)
        return await _serve(request, _signed(signature, credential.account_id), body)

    def _admit(self, request: Request) -> _Secret | _Claim:
        """Return by which secret a request is admitted, or else whose signature it claims."""
        self._require_no_browser(request)
        if _is_signal(request):
            return _Secret.SIGNAL
        if _has_issued_url(request):
            return _Secret.REGISTRY
        if caller := _registry_caller(request):
            docker_registry.admit(caller, request)
            return _Secret.REGISTRY
        return _identify(request)

    def _require_no_browser(self, request: Request) -> None:
        """Refuse requests of web pages, and other host names, which DNS rebinding would use."""
        if request.headers.get("host") != self._address:
            raise RefusedError(f"This local AWS answers to {self._address} only.")
        fetched_from = request.headers.get("sec-fetch-site", "none")
        if "origin" in request.headers or fetched_from != "none":
            raise RefusedError("This local AWS answers no web page.")

    async def _administer(self, scope: Scope, body: bytes) -> Response:
        """Answer what is no API of AWS: our own paths, and those of MiniStack."""
        if scope["path"] == LEDGER_PATH:
            return json_response(LEDGER.content())
        if scope["path"] == ALLOWED_PATH:
            return json_response({"refused": is_allowed(**json.loads(body))})
        answer: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            answer.append(message)

        kept = [each for each in scope["headers"] if each[0].lower() in _ADMINISTRATION]
        await self._app({**scope, "headers": kept}, receive, send)
        headers = {name.decode(): value.decode() for name, value in answer[0]["headers"]}
        return answer[0]["status"], headers, b"".join(each.get("body", b"") for each in answer)


_ADMINISTRATION = (b"content-type", b"content-length", b"host")


def _set_context(scope: Scope, region: str) -> None:
    """Tell MiniStack's modules, and ours, whose request it is and where."""
    responses.set_request_account_id(os.environ["MINISTACK_ACCOUNT_ID"])
    responses.set_request_region(region)
    address = (scope.get("client") or (HOST,))[0]
    responses.set_request_client_ip(address)
    iam_evaluator.pin_request_origin(address, secure_transport=True)


async def _serve(request: Request, signed: Signed, body: bytes) -> Response:
    """Read a verified request, have it judged, and call its handler with what was read."""
    try:
        call = read(request, signed, body)
    except UnreadableError as error:
        refused = ErrorOfServiceError(request, signed.service, "InvalidRequest", str(error))
        refused.response = (400, *refused.response[1:])
        raise refused from error
    played = request.headers.get(PLAYED_SERVICE.lower(), "")
    if PLAYED_SERVICE.lower() not in signed.headers:
        played = ""
    try:
        judged = judge(call, played_service=played)
    except Refusal as refusal:
        raise ErrorOfServiceError(request, call.handler, "AccessDenied", str(refusal)) from refusal
    except NoSuchPrincipalError as error:
        raise ErrorOfServiceError(
            request, call.handler, "InvalidClientTokenId", str(error)
        ) from error
    response = await _handled(call)
    judged.done(response[0])
    if call.action == "ecr:GetAuthorizationToken":
        return _with_login(response, call.access_key_id)
    return response


async def _handled(call: ApiRequest) -> Response:
    headers, query = dict(call.headers), dict(call.query)
    iam_evaluator.pin_request_caller(headers, query)
    handler = ministack_app.SERVICE_HANDLERS[call.handler]
    try:
        response: Response = await handler(call.method, call.path, headers, call.body, query)
    except Exception as error:
        # As MiniStack's application answers it: an error of a handler is that of one request.
        _LOG.exception("Error of %s", call.action)
        return json_error("InternalError", str(error), 500)
    if call.method == "HEAD" and call.handler == "s3":
        response = s3.format_head_response(call.path, headers, response)
    status, answered, content = response
    responses.fix_error_content_type(call.handler, status, answered)
    responses.fix_success_content_type(call.handler, status, answered)
    number = str(uuid.uuid4())
    return status, {"x-amzn-requestid": number, "x-amz-request-id": number} | answered, content


# --- Signatures.


def _identify(request: Request) -> _Claim:
    """Return the signature of a request, and the credentials that it claims to be made with."""
    signed_by_header = request.headers.get("authorization", "").startswith(f"{_ALGORITHM} ")
    if signed_by_header == request.presigned or "AWSAccessKeyId" in request.query:
        raise _unsigned(request)
    if request.presigned:
        signature = sigv4.parse_query_signature(request.query)
    else:
        signature = sigv4.parse_header_signature(request.headers)
    if isinstance(signature, tuple):
        raise ErrorOfServiceError(request, "", *signature)
    if twice := _said_twice(request):
        raise ErrorOfServiceError(request, signature.service, "IncompleteSignature", twice)
    return signature, _credential(request, signature)


def _said_twice(request: Request) -> str:
    """Say what of a signature is there twice, or else where it should not be."""
    if request.presigned:
        several = [name for name, values in request.query.items() if len(values) > 1]
        named = [name for name in several if name.lower().startswith("x-amz-")]
        if named or "authorization" in request.headers:
            return f"Two signatures: {', '.join(named) or 'in the URL and in a header'}"
        return ""
    given = request.headers["authorization"].partition(" ")[2].split(",")
    names = sorted(part.strip().partition("=")[0] for part in given)
    if names != sorted(_FIELDS) or "authorization" in request.repeated:
        return f"The Authorization header has {', '.join(names)}; it has each of its fields once"
    if named := [name for name in request.query if name.lower() == "x-amz-credential"]:
        return f"Two credentials: in the Authorization header, and {named[0]} in the URL"
    return ""


def _unsigned(request: Request) -> RefusedError:
    line = (
        "This local AWS answers only what is signed with a key of this run (Signature Version 4)."
    )
    if ministack_app._is_ecr_registry_path(request.path):
        # Docker sends its login only after this answer.
        challenge = {"WWW-Authenticate": 'Basic realm="ECR"'}
        return RefusedError(line, status=401, **challenge)
    return RefusedError(line)


def _credential(
    request: Request, signature: sigv4.HeaderSignature
) -> iam_evaluator.ResolvedCredential:
    """Return the credentials of root, of an IAM user, or of a session of a role."""
    token = (
        request.first("X-Amz-Security-Token")
        if request.presigned
        else request.headers.get("x-amz-security-token", "")
    )
    account = os.environ["MINISTACK_ACCOUNT_ID"]
    found = iam_evaluator.resolve_credential(signature.access_key_id, account, token)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        raise ErrorOfServiceError(request, signature.service, found.code, found.message)
    return found


def _signed(signature: sigv4.HeaderSignature, account: str) -> Signed:
    return Signed(
        access_key_id=signature.access_key_id,
        account=account,
        region=signature.region,
        service=signature.service,
        date=signature.date_stamp,
        headers=frozenset(signature.signed_headers.split(";")),
    )


def _verify(request: Request, signature: sigv4.HeaderSignature, secret: str, body: bytes) -> None:
    """Refuse a signature that is wrong, out of its time, or over less than what acts."""
    failure = (
        _untimely(request, signature)
        or _incomplete(request, signature, body)
        or sigv4.header_signature_failure(
            signature,
            secret,
            request.method,
            request.raw_path,
            request.query,
            request.headers,
            body,
            presigned=request.presigned,
        )
    )
    if failure:
        raise ErrorOfServiceError(request, signature.service, *failure)


def _untimely(request: Request, signature: sigv4.HeaderSignature) -> tuple[str, str] | None:
    """Return the error of a signature that is too old or of the future."""
    try:
        if not _DATE.fullmatch(signature.amz_date):
            raise ValueError(signature.amz_date)
        signed = datetime.strptime(signature.amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "IncompleteSignature", f"X-Amz-Date is {signature.amz_date!a}, not 20260131T235959Z"
    age = datetime.now(UTC) - signed
    if not request.presigned:
        late = "The difference between the request time and the current time is too large."
        return ("RequestTimeTooSkewed", late) if abs(age) > _WINDOW else None
    seconds = request.first("X-Amz-Expires")
    right = seconds.isascii() and seconds.isdigit() and len(seconds) <= len("604800")
    lifetime = timedelta(seconds=int(seconds)) if right else timedelta()
    if not timedelta() < lifetime <= _LONGEST_URL or age < -_WINDOW or age > lifetime:
        return "RequestExpired", "Request has expired"
    return None


def _incomplete(
    request: Request, signature: sigv4.HeaderSignature, body: bytes
) -> tuple[str, str] | None:
    """Return the error of a signature that leaves out what has to be in it."""
    if not _SIGNATURE.fullmatch(signature.signature) or not _REGION.fullmatch(signature.region):
        return "SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH
    if "host" not in signature.signed_headers.split(";"):
        return "IncompleteSignature", "The header host is not signed"
    if request.presigned and signature.service != "s3":
        return "IncompleteSignature", "Only URLs of S3 are signed in advance here"
    stated = request.headers.get("x-amz-content-sha256", "")
    # The signature covers the checksum that the client states; compare that with the body.
    if _SHA256.fullmatch(stated):
        if stated != hashlib.sha256(body).hexdigest():
            return "SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH
    elif stated and signature.service != "s3":
        return "IncompleteSignature", f"The body is not signed: x-amz-content-sha256 is {stated!a}"
    return None


# --- Secrets that a signed request receives.

_registry_logins: dict[str, tuple[float, str]] = {}
"""When each login expires, and the access key for which it was issued."""
_urls: dict[tuple[str, str], float] = {}
"""When each issued URL expires, by its path and key."""


def issue_url(path: str) -> str:
    """Return a URL with a random key, which works for a while without a signature."""
    key = secrets.token_urlsafe(32)
    _urls[path, key] = time.monotonic() + _URL_SECONDS
    return f"https://{HOST}:{os.environ['GATEWAY_PORT']}{path}?key={key}"


def _has_issued_url(request: Request) -> bool:
    """Say whether it is the URL of an image layer that was issued, and still works."""
    until = _urls.get((request.path, request.first("key")), 0)
    return request.method == "GET" and until > time.monotonic()


def _is_signal(request: Request) -> bool:
    """Say whether it goes to a wait condition: the URL for its signals has a random token.

    Functions of custom resources need no URL: they answer through a pipe.
    """
    folder, _, token = request.path.rpartition("/")
    signals = request.method == "PUT" and f"{folder}/" == wait_conditions.SIGNAL_PATH
    return signals and bool(wait_conditions.has_handle(token))


def _registry_caller(request: Request) -> str:
    """Return the access key for which the login of docker was issued; empty if it has none."""
    if not ministack_app._is_ecr_registry_path(request.path):
        return ""
    kind, _, login = request.headers.get("authorization", "").partition(" ")
    until, caller = _registry_logins.get(login, (0, ""))
    return caller if kind.lower() == "basic" and until > time.monotonic() else ""


def _with_login(response: Response, caller: str) -> Response:
    """Put a random login into the answer; MiniStack's is the same for everybody."""
    status, headers, body = response
    answer = json.loads(body)
    login = base64.b64encode(f"AWS:{secrets.token_urlsafe(32)}".encode()).decode()
    for each in answer["authorizationData"]:
        each["authorizationToken"] = login
    _registry_logins[login] = (time.monotonic() + _REGISTRY_LOGIN_SECONDS, caller)
    return status, headers, json.dumps(answer).encode()


# --- Bodies and answers.


async def _skip(receive: Receive) -> None:
    more, seen = True, 0
    while more and seen < _SKIPPED_BYTES:
        message = await receive()
        more, seen = message.get("more_body", False), seen + len(message.get("body", b""))


async def _body(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    more, seen = True, 0
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more, seen = message.get("more_body", False), seen + len(parts[-1])
        if seen > most:
            raise RefusedError(f"A body has at most {most >> 20} MiB here.", status=413)
    return b"".join(parts)


async def _answer(request: Request, response: Response, receive: Receive, send: Send) -> None:
    status, headers, content = response
    # Some handlers answer with text, or with what they send bit by bit.
    given: Any = content
    streamed = isinstance(given, responses.StreamingResponse)
    body = b"" if request.method == "HEAD" or streamed else given
    body = body.encode() if isinstance(body, str) else body
    sent = {
        name: value
        for name, value in headers.items()
        # MiniStack lets every web page read its answers.
        if not name.lower().startswith("access-control-")
    }
    if request.method != "HEAD" and not streamed:
        sent = {name: value for name, value in sent.items() if name.lower() != "content-length"}
        sent["Content-Length"] = str(len(body))
    lines = [(name.encode("latin-1"), str(value).encode()) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    if streamed:
        await given.runner(send, receive)
    else:
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
