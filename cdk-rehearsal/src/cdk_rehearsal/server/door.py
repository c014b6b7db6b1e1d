"""The one door: every request is verified, read once, judged, and handed to its handler.

`authentication` says who has signed a request, `reading` what it is, `iam.judge` whether the caller
may. The handler of the service gets what was read. MiniStack's own application, which routes a
request by its path, host and headers, gets no request.

Scripts in the folders that MiniStack runs at its start (`/etc/localstack/init` and others) carry no
key: they do not run.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from ministack import app as ministack_app
from ministack.core import iam_evaluator, responses
from ministack.core.sigv4 import HeaderSignature
from ministack.services import s3

from cdk_rehearsal.access import DEMANDS_PATH, LEDGER_PATH, SERVICE_HEADER, TYPES_PATH
from cdk_rehearsal.environment import HOST
from cdk_rehearsal.iam.demands import DEMANDS
from cdk_rehearsal.iam.judge import Refusal, is_root, judge
from cdk_rehearsal.iam.ledger import LEDGER
from cdk_rehearsal.iam.principals import NoSuchPrincipalError
from cdk_rehearsal.ministack.known_types import known_types
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Response, json_error, json_response
from cdk_rehearsal.server.api_request import ApiRequest, Request, Scope
from cdk_rehearsal.server.authentication import (
    ErrorOfServiceError,
    RefusedError,
    has_issued_url,
    identify,
    verify,
)
from cdk_rehearsal.server.names_of_aws import is_name_of_aws, with_bucket_in_path
from cdk_rehearsal.server.reading import UnreadableError, read
from cdk_rehearsal.services.ecr.layers import send_layer
from cdk_rehearsal.services.ecs.task_endpoint import answer_to_task

Message: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOG = logging.getLogger(__name__)
_ROOT_ONLY = "/_ministack/"
# More than what is deployed here needs: the archive of an asset.
_BODY_BYTES = 128 * 1024 * 1024
# What is read of a refused request, so that an ordinary client gets to read the answer.
_SKIPPED_BYTES = 16 * 1024 * 1024


class Door:
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
            except RefusedError as refusal:
                response = refusal.response
            await _answer(request, response, receive, send)

    async def _respond(self, scope: Scope, request: Request, receive: Receive) -> Response:
        _set_context(scope, os.environ["MINISTACK_REGION"])
        # Only the Unix sockets, which lead into the network of the tasks, have no address.
        of_task = scope.get("server") is None
        if of_task and scope["scheme"] == "http":
            # In a thread of its own, since it calls this server.
            return await asyncio.to_thread(answer_to_task, request.path)
        try:
            self._require_no_browser(request, of_task=of_task)
            claim = None if has_issued_url(request) else identify(request)
        except RefusedError:
            # A client reads the answer only after it has sent the whole body. We keep none of it,
            # so a large body of an unknown client takes no memory.
            await _skip(receive)
            raise
        body = await _body(receive)
        if claim is None:  # the layer of an image
            return send_layer(request.path, request.headers.get("range", ""))
        signature, credential = claim
        verify(request, signature, credential.secret_access_key, body)
        if request.path.lower().startswith(_ROOT_ONLY):
            if not is_root(signature.access_key_id):
                raise RefusedError("Only the root key administers this local AWS.")
            return _administer(request.path)
        _set_context(scope, signature.region)
        if of_task:
            request = with_bucket_in_path(request, self._address)
        return await _serve(request, signature, body)

    def _require_no_browser(self, request: Request, *, of_task: bool) -> None:
        """Refuse requests of web pages, and other host names, which DNS rebinding would use."""
        host = request.headers.get("host", "")
        if host != self._address and not (of_task and is_name_of_aws(host)):
            raise RefusedError(f"This local AWS answers to {self._address} only.")
        fetched_from = request.headers.get("sec-fetch-site", "none")
        if "origin" in request.headers or fetched_from != "none":
            raise RefusedError("This local AWS answers no web page.")


def _administer(path: str) -> Response:
    """Answer what is no API of AWS, but of this package."""
    told: dict[str, Callable[[], Any]] = {
        LEDGER_PATH: LEDGER.content,
        DEMANDS_PATH: DEMANDS.content,
        TYPES_PATH: known_types,
        # For tests that share a local AWS: it forgets everything.
        "/_ministack/reset": ministack_app._reset_all_state,
    }
    if path not in told:
        raise RefusedError("There is nothing here.", status=404)
    return json_response(told[path]())


def _set_context(scope: Scope, region: str) -> None:
    """Tell MiniStack's modules, and ours, whose request it is and where."""
    responses.set_request_account_id(os.environ["MINISTACK_ACCOUNT_ID"])
    responses.set_request_region(region)
    address = (scope.get("client") or (HOST,))[0]
    responses.set_request_client_ip(address)
    iam_evaluator.pin_request_origin(address, secure_transport=True)


async def _serve(request: Request, signature: HeaderSignature, body: bytes) -> Response:
    """Read a verified request, have it judged, and call its handler with what was read."""
    try:
        call = read(request, signature, body)
    except UnreadableError as error:
        refused = ErrorOfServiceError(request, signature.service, "InvalidRequest", str(error))
        refused.response = (400, *refused.response[1:])
        raise refused from error
    service = request.headers.get(SERVICE_HEADER.lower(), "")
    if SERVICE_HEADER.lower() not in signature.signed_headers.split(";"):
        service = ""
    try:
        judged = judge(call, acting_service=service)
    except Refusal as refusal:
        raise ErrorOfServiceError(request, call.handler, "AccessDenied", str(refusal)) from refusal
    except NoSuchPrincipalError as error:
        raise ErrorOfServiceError(
            request, call.handler, "InvalidClientTokenId", str(error)
        ) from error
    response = await _handled(call)
    judged.done(response[0])
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


# --- Bodies and answers.


async def _skip(receive: Receive) -> None:
    more, seen = True, 0
    while more and seen < _SKIPPED_BYTES:
        message = await receive()
        more, seen = message.get("more_body", False), seen + len(message.get("body", b""))


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    more, seen = True, 0
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError("The client has gone before its body was complete.", status=400)
        parts.append(message.get("body", b""))
        more, seen = message.get("more_body", False), seen + len(parts[-1])
        if seen > _BODY_BYTES:
            raise RefusedError(f"A body has at most {_BODY_BYTES >> 20} MiB here.", status=413)
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


@replaces(ministack_app, "_collect_scripts")
def no_scripts(_original: Callable[..., list[str]], *_folders: str) -> list[str]:
    """Run no scripts of /etc/localstack/init or /docker-entrypoint-initaws.d."""
    return []
