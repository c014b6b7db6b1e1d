"""Reads a request once, only from the places that the protocol of its service has.

The door judges the result and passes it to the handler; nothing else of the request reaches the
handler. MiniStack's handlers look for operation and parameters in several places, each in its own
order. So the judge and a handler could read the same request differently. Therefore a request that
says something twice, or not in the way of its protocol, is refused with a message that names it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote

from ministack import app
from ministack.core.responses import get_account_id
from ministack.core.sigv4 import HeaderSignature

from cdk_rehearsal.server.api_request import ApiRequest, Request
from cdk_rehearsal.server.service_models import Model, Operation, models

# Services with another name in IAM than in signatures.
_IAM_NAMES = {"monitoring": "cloudwatch", "tagging": "tag"}
# Headers for the signature and the encoding of the body. They reach no handler.
_SIGNING = frozenset(
    {
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-security-token",
        "x-amz-trailer",
        "x-amz-user-agent",
    }
)
_TARGET, _CONTENT_TYPE, _ENCODING = "x-amz-target", "content-type", "content-encoding"
_JSON = re.compile(r"application/x-amz-json-1\.[01]")
_FORM = re.compile(r"application/x-www-form-urlencoded(; ?charset=utf-8)?", re.IGNORECASE)
_PLAIN_JSON = re.compile(r"application/json(; ?charset=utf-8)?", re.IGNORECASE)
# Limits of the memory that a body needs when it is read; no API accepts more.
_MOST_FIELDS, _MOST_PARTS = 100_000, 1_000_000


class UnreadableError(Exception):
    """The request has two readings, or none; the message says why."""


def read(request: Request, signature: HeaderSignature, body: bytes) -> ApiRequest:
    """Read a request; ``UnreadableError`` unless it is what the protocol of its service has."""
    served = signature.service in app.SERVICE_HANDLERS
    found = models(signature.service) if served else ()
    if not found:
        raise UnreadableError(f"no service '{signature.service}' is known here")
    if request.headers.get("smithy-protocol"):
        raise UnreadableError(f"{request.headers['smithy-protocol']} is not spoken here")
    if any(each.startswith("rest-") for each in found[0].protocols):
        reading = _by_path(found, request, signature, body)
    elif _TARGET in request.headers:
        reading = _json(found, request, signature, body)
    else:
        reading = _form(found, request, signature, body)
    _require_signed(request, reading, signature)
    return reading


def _json(
    found: tuple[Model, ...], request: Request, signature: HeaderSignature, body: bytes
) -> ApiRequest:
    target = request.headers[_TARGET]
    prefix, _, name = target.rpartition(".")
    model = next((m for m in found if m.target_prefix == prefix and "json" in m.protocols), None)
    if model is None or name not in model.operations:
        raise UnreadableError(f"{signature.service} has no operation with X-Amz-Target {target!a}")
    _require_post(request, "X-Amz-Target")
    _require_content_type(request, _JSON)
    operation = model.operations[name]
    _require_plain(request)
    parameters = _object(body)
    _require_known(operation, parameters)
    return _reading(request, signature, operation, parameters, body, (_TARGET, _CONTENT_TYPE))


def _form(
    found: tuple[Model, ...], request: Request, signature: HeaderSignature, body: bytes
) -> ApiRequest:
    _require_post(request, "the body")
    _require_content_type(request, _FORM)
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict",
            max_num_fields=_MOST_FIELDS,
        )  # fmt: skip
    except ValueError as error:
        raise UnreadableError(
            f"the body is no form in ASCII with percent-encoded UTF-8: {error}"
        ) from None
    parameters = _once(pairs, "the body")
    version, name = parameters.pop("Version", ""), parameters.pop("Action", "")
    forms = [m for m in found if m.version == version and set(m.protocols) & {"query", "ec2"}]
    if not forms or name not in forms[0].operations:
        raise UnreadableError(
            f"{signature.service} has no operation Action={name!a} of Version={version!a}"
        )
    operation = forms[0].operations[name]
    _require_plain(request)
    _require_known(operation, parameters)
    return _reading(request, signature, operation, parameters, body, (_CONTENT_TYPE,))


def _by_path(
    found: tuple[Model, ...], request: Request, signature: HeaderSignature, body: bytes
) -> ApiRequest:
    if _TARGET in request.headers:
        raise UnreadableError("method and path name the operation, and X-Amz-Target another time")
    s3 = signature.service == "s3"
    _require_one_path(request, is_key=s3)
    query = {name: values for name, values in request.query.items() if name != "x-id"}
    operation, labels = _select(found, request, query, signature.service)
    if request.query.get("x-id", [operation.name]) != [operation.name]:
        raise UnreadableError(
            f"x-id={request.first('x-id')!a}, but method, path and query are {operation.name}"
        )
    parameters = labels | _of_query(operation, query) | _of_headers(operation, request)
    if body and request.method in ("GET", "HEAD"):
        raise UnreadableError(f"a {request.method} with a body")
    changed: Mapping[str, str] = {}
    if s3:
        body, changed = _unchunked(request, body)
    else:
        _require_plain(request)
    if body and not operation.raw_body and "rest-json" in found[0].protocols:
        if _CONTENT_TYPE in request.headers:
            _require_content_type(request, _PLAIN_JSON)
        content = _object(body)
        _require_known(operation, content)
        parameters = _once([*parameters.items(), *content.items()], "the request")
    acting = (_CONTENT_TYPE, *operation.headers)
    reading = _reading(request, signature, operation, parameters, body, acting)
    headers = {name: value for name, value in {**reading.headers, **changed}.items() if value}
    return replace(reading, headers=headers, query=query)


def _of_query(operation: Operation, query: Mapping[str, list[str]]) -> dict[str, Any]:
    for name, values in query.items():
        if len(values) > 1 and name not in operation.repeatable:
            raise UnreadableError(f"{name!a} is there {len(values)} times in the query")
    return {
        member: query[name] if name in operation.repeatable else query[name][0]
        for name, member in operation.query.items()
        if name in query
    }


def _of_headers(operation: Operation, request: Request) -> dict[str, Any]:
    return {
        member: request.headers[name]
        for name, member in operation.headers.items()
        if name in request.headers
    }


def _select(
    found: tuple[Model, ...], request: Request, query: Mapping[str, Any], service: str
) -> tuple[Operation, dict[str, Any]]:
    """Return the one operation that knows all of a request, and the parameters in its path."""
    headers = request.headers.keys()
    acting = {each for each in headers if each.startswith("x-amz-")} - _SIGNING
    fitting = []
    for operation in (each for model in found for each in model.operations.values()):
        path = operation.path.fullmatch(request.path)
        if (
            path
            and operation.method == request.method
            and all(query.get(name) == [value] for name, value in operation.fixed_query.items())
            and operation.required <= query.keys() | headers
            and query.keys() <= operation.fixed_query.keys() | operation.query.keys()
            and all(_is_parameter(operation, each) for each in acting)
        ):
            fixed = len(request.path) - sum(len(each) for each in path.groups())
            named = len(operation.fixed_query) + len(operation.required)
            fitting.append(((fixed, named), operation, path.groupdict()))
    if not fitting:
        said = ", ".join([*sorted(query), *sorted(acting)])
        raise UnreadableError(
            f"{service} has no operation for {request.method} {request.path!a}"
            + (f" with {said}" if said else "")
        )
    fitting.sort(key=lambda each: each[0], reverse=True)
    best = fitting[0]
    if len(fitting) > 1 and fitting[1][0] == best[0]:
        raise UnreadableError(
            f"{request.method} {request.path!a} is {best[1].name} or {fitting[1][1].name}"
        )
    return best[1], best[2]


def _is_parameter(operation: Operation, header: str) -> bool:
    prefixes = operation.header_prefixes
    return header in operation.headers or bool(prefixes and header.startswith(prefixes))


def _reading(
    request: Request,
    signature: HeaderSignature,
    operation: Operation,
    parameters: Mapping[str, Any],
    body: bytes,
    acting: Iterable[str],
) -> ApiRequest:
    headers = {name: request.headers[name] for name in acting if name in request.headers}
    headers |= {
        name: value for name, value in request.headers.items() if _is_parameter(operation, name)
    }
    parts = (signature.access_key_id, signature.date_stamp, signature.region, signature.service)
    scope = "/".join((*parts, "aws4_request"))
    own = {
        "host": request.headers["host"],
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=",
        "content-length": str(len(body)),
        "x-forwarded-proto": "https",
    }
    return ApiRequest(
        service=_IAM_NAMES.get(signature.service, signature.service),
        operation=operation.name,
        parameters=parameters,
        account=get_account_id(),
        region=signature.region,
        access_key_id=signature.access_key_id,
        handler=signature.service,
        method=request.method,
        path=request.path,
        headers=headers | own,
        body=body,
    )


def _require_signed(request: Request, reading: ApiRequest, signature: HeaderSignature) -> None:
    """Refuse a header that has an effect, but is unsigned, unknown, or repeated."""
    own = ("authorization", "content-length", "x-forwarded-proto")
    acting = {each for each in reading.headers if each in request.headers and each not in own}
    amazon = {each for each in request.headers if each.startswith("x-amz-")}
    for name in sorted(acting | amazon):
        if name not in acting | _SIGNING:
            raise UnreadableError(f"{reading.action} has no header {name}")
        if name not in signature.signed_headers.split(";"):
            raise UnreadableError(f"the header {name} is not signed")
        if name in request.repeated:
            raise UnreadableError(f"the header {name} is there twice")


def _require_post(request: Request, place: str) -> None:
    if request.method != "POST" or request.raw_path != "/":
        raise UnreadableError(
            f"{request.method} {request.path!a}: an operation that {place} names is a POST of /"
        )
    if request.query:
        said = ", ".join(sorted(request.query))
        raise UnreadableError(f"{place} names the operation, and the query says {said!a}")


def _require_content_type(request: Request, expected: re.Pattern[str]) -> None:
    content_type = request.headers.get(_CONTENT_TYPE, "")
    if not expected.fullmatch(content_type):
        raise UnreadableError(f"the Content-Type is {content_type!a}, not {expected.pattern}")


def _require_one_path(request: Request, *, is_key: bool) -> None:
    """Refuse a path that is encoded twice, or that a handler could normalize to another one."""
    try:
        plain = unquote(request.raw_path, errors="strict")
    except UnicodeDecodeError:
        plain = ""
    if plain != request.path:
        raise UnreadableError(f"the path {request.raw_path!a} is not in UTF-8")
    parts = request.path.split("/")[1:]
    if not is_key and (
        "%" in request.path
        or "%2f" in request.raw_path.lower()
        or "" in parts[:-1]
        or {".", ".."} & set(parts)
    ):
        raise UnreadableError(f"the path {request.raw_path!a} can be read in two ways")


def _require_known(operation: Operation, parameters: Mapping[str, Any]) -> None:
    for name in parameters:
        if name.partition(".")[0] not in operation.body:
            raise UnreadableError(f"{operation.name} has no parameter {name!a}")


def _object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body: UTF-8 that begins with the brace, each key once."""
    if not body.startswith(b"{"):
        raise UnreadableError("the body does not begin with the { of a JSON object in UTF-8")
    if sum(body.count(each) for each in (b"[", b"{", b",")) > _MOST_PARTS:
        raise UnreadableError(f"the body has more than {_MOST_PARTS} parts")
    try:
        content = json.loads(
            body.decode("utf-8"), object_pairs_hook=partial(_once, place="the JSON")
        )
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"the body is no JSON object in UTF-8: {error}") from None
    parameters: dict[str, Any] = content
    return parameters


def _once(pairs: Iterable[tuple[str, Any]], place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise UnreadableError(f"{place} says {name!a} twice")
        found[name] = value
    return found


def _require_plain(request: Request) -> None:
    """Refuse a compressed body: a small one could need a lot of memory."""
    if _ENCODING in request.headers:
        raise UnreadableError(f"the body is encoded: {request.headers[_ENCODING]!a}")


def _unchunked(request: Request, body: bytes) -> tuple[bytes, Mapping[str, str]]:
    """Return the content of a body in AWS's chunks, and the headers that it changes.

    A checksum may come after the content. Of the encodings the chunks are taken away.
    """
    headers = {
        name: request.headers[name]
        for name in (_ENCODING, "x-amz-content-sha256", "x-amz-decoded-content-length",
                     "x-amz-trailer")
        if name in request.headers
    }  # fmt: skip
    given = dict(headers)
    try:
        content = app._decode_aws_chunked_body(body, headers)
    except app._IncompleteRequestBody as error:
        raise UnreadableError(str(error)) from None
    changed = {name: value for name, value in headers.items() if name not in given}
    announced = {each.strip() for each in given.get("x-amz-trailer", "").lower().split(",")}
    for name in changed:
        checksum = name in announced and name.startswith("x-amz-checksum-")
        if not checksum or name in request.headers:
            raise UnreadableError(f"the body ends with {name!a}, which is no announced checksum")
    if _ENCODING in given:
        changed[_ENCODING] = headers.get(_ENCODING, "")
    return bytes(content), changed
