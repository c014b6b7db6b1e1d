"""Requests that say their operation, caller or resource in another place or spelling as well.

Each is signed rightly, over all that it says, by the user who sends it: nothing but the reading of
the request keeps it from its handler.
"""

import gzip
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl, quote

from ministack.core import sigv4

from cdk_rehearsal.server.service_models import Model, Operation, models

Headers: TypeAlias = list[tuple[str, str]]
HOST = "127.0.0.1:4566"
OPERATIONS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("operations.json").read_text("utf-8")
)
"""What a deploy and a delivery call; the last of each service is the decoy."""


@dataclass(frozen=True)
class Key:
    identifier: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A request before it is signed; ``also`` changes the headers when it is.

    The signature leaves the ``unsigned`` headers out.
    """

    service: str
    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    also: Callable[[Headers], Headers] = list
    unsigned: tuple[str, ...] = ()


def plain(service: str, name: str) -> Raw:
    """Return a request as the protocol of the service has it."""
    model = next(each for each in models(service) if name in each.operations)
    operation = model.operations[name]
    if any(each.startswith("rest-") for each in model.protocols):
        return _by_path(service, operation)
    if "json" in model.protocols:
        return Raw(service=service, headers=_json(model, name), body=b"{}")
    return Raw(
        service=service,
        headers=[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
        body=f"Action={name}&Version={model.version}".encode(),
    )


def _json(model: Model, name: str) -> Headers:
    target = f"{model.target_prefix}.{name}"
    return [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)]


def _by_path(service: str, operation: Operation) -> Raw:
    pattern = operation.path.pattern.removesuffix("/?")
    path = re.sub(r"\(\?P<\w+>[^)]*\)", "attacked", pattern).replace("\\", "") or "/"
    query = [f"{name}={value}" for name, value in operation.fixed_query.items()]
    query += [f"{each}=1" for each in sorted(operation.required & operation.query.keys())]
    return Raw(
        service=service,
        method=operation.method,
        path=path,
        query="&".join(query),
        headers=[(each, "attacked/o") for each in operation.required & operation.headers.keys()],
    )


def signed(raw: Raw, key: Key) -> Headers:
    """Return the headers of a request with a signature over all of them."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = [("host", HOST), ("x-amz-date", now), *raw.headers]
    joined: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        joined[lower] = f"{joined[lower]},{value}" if lower in joined else value
    names = ";".join(sorted(joined.keys() - set(raw.unsigned)))
    scope = (now[:8], "eu-west-1", raw.service)
    claim = sigv4.HeaderSignature(key.identifier, *scope, names, "", now)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    _, text = sigv4.header_signing_documents(claim, raw.method, raw.path, query, joined, raw.body)
    signing_key = sigv4.derive_signing_key(key.secret, *scope)
    signature = hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{key.identifier}/{'/'.join(scope)}/aws4_request"
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
    return raw.also([*headers, ("authorization", authorization)])


def attacks(service: str, name: str, root: Key) -> Iterator[tuple[str, Raw]]:
    """Yield each other way to say an operation, with the name of the way."""
    right, decoy = plain(service, name), plain(service, OPERATIONS[service][-1])
    yield from _everywhere(right, decoy, root)
    model = next(each for each in models(service) if name in each.operations)
    if any(each.startswith("rest-") for each in model.protocols):
        yield from _of_paths(right, decoy, model.operations[name])
    elif "json" in model.protocols:
        yield from _of_targets(right, decoy, name)
    else:
        yield from _of_forms(right, decoy, name)


def _everywhere(right: Raw, decoy: Raw, root: Key) -> Iterator[tuple[str, Raw]]:
    yield "as it is", right
    query = f"{right.query}&" if right.query else ""
    allowed = OPERATIONS[right.service][-1]
    for action in (allowed, "GetCallerIdentity"):
        yield f"Action={action} in the query", replace(right, query=f"{query}Action={action}")
        both = f"{query}Action={action}&Version=2011-06-15"
        yield f"Action={action} and Version in the query", replace(right, query=both)
    sts = "AWSSecurityTokenServiceV20110615.GetCallerIdentity"
    yield "X-Amz-Target of STS", replace(right, headers=[*right.headers, ("x-amz-target", sts)])
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        given = [*right.headers, (header, decoy.method)]
        yield header, replace(right, headers=given)
        turned = [*decoy.headers, (header, right.method)]
        yield f"{header} to it", replace(right, method=decoy.method, headers=turned)
    for header in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host", "X-Amz-Unknown"):
        where = f"{decoy.path}?{decoy.query}"
        yield header, replace(right, headers=[*right.headers, (header, where)])
    for other in ("sts", "s3", "ecs", "iam"):
        if other != right.service:
            yield f"in the name of {other}", replace(right, service=other)
    yield "smithy-protocol", replace(right, headers=[*right.headers, ("smithy-protocol", "rpc")])
    yield from _of_credentials(right, root)


def _of_credentials(right: Raw, root: Key) -> Iterator[tuple[str, Raw]]:
    scope = f"{root.identifier}/20260101/eu-west-1/{right.service}/aws4_request"
    for way, old, new in (
        ("another Credential first", "256 ", f"256 Credential={scope}, "),
        ("another Credential", ", SignedHeaders", f", Credential={scope}, SignedHeaders"),
        ("other SignedHeaders", "SignedHeaders=", "SignedHeaders=x-no;"),
    ):
        yield way, replace(right, also=partial(_changed, old=old, new=new))
    for value in (f"AWS4-HMAC-SHA256 Credential={scope}", f"AWS {root.identifier}:c2lnbmF0dXJl"):
        yield "another Authorization", _unsigned(right, "authorization", value)
    query = f"{right.query}&" if right.query else ""
    for name in ("X-Amz-Credential", "x-amz-credential"):
        yield f"{name} in the query", replace(right, query=f"{query}{name}={quote(scope)}")
    yield "AWSAccessKeyId", replace(right, query=f"{query}AWSAccessKeyId={root.identifier}")


def _changed(headers: Headers, *, old: str, new: str) -> Headers:
    return [*headers[:-1], ("authorization", headers[-1][1].replace(old, new, 1))]


def _unsigned(raw: Raw, name: str, value: str) -> Raw:
    return replace(raw, also=lambda headers: [*headers, (name, value)])


def _of_targets(right: Raw, decoy: Raw, name: str) -> Iterator[tuple[str, Raw]]:
    (kind, _), (_, target) = right.headers
    _, (_, allowed) = decoy.headers
    for one, other in ((target, allowed), (allowed, target)):
        twice = [*right.headers[:1], ("x-amz-target", one), ("X-Amz-Target", other)]
        yield f"{one} and {other}", replace(right, headers=twice)
    for value in (f"{allowed},{target}", f"{allowed}.{name}", f".{name}", name, f" {target}x"):
        given = [*right.headers[:1], ("x-amz-target", value)]
        yield f"X-Amz-Target: {value}", replace(right, headers=given)
    without = replace(right, headers=right.headers[:1])
    yield "unsigned", _unsigned(without, "x-amz-target", target)
    yield "in the query", replace(without, query=f"X-Amz-Target={target}")
    form = f"Action={OPERATIONS[right.service][-1]}".encode()
    for value in ("application/x-www-form-urlencoded", "text/plain", "application/json", ""):
        given = [(kind, value), *right.headers[1:]]
        yield f"Content-Type {value}", replace(right, headers=given)
        yield f"Content-Type {value}, a form", replace(right, headers=given, body=form)
    for kind, body in BODIES.items():
        yield kind, replace(right, body=body)
    packed = [*right.headers, ("content-encoding", "gzip")]
    yield "gzip", replace(right, headers=packed, body=gzip.compress(b" {}"))
    yield "another path", replace(right, path=f"/{name}")
    yield "two slashes", replace(right, path="//")
    yield "GET", replace(right, method="GET")


BODIES = {
    "a space before the body": b' {"a": "b"}',
    "a line before the body": b'\n{"a": "b"}',
    "BOM": b'\xef\xbb\xbf{"a": "b"}',
    "UTF-16": '{"a": "b"}'.encode("utf-16"),
    "UTF-16 without BOM": '{"a": "b"}'.encode("utf-16-le"),
    "UTF-32": '{"a": "b"}'.encode("utf-32"),
    "Latin-1": b'{"a": "\xe4"}',
    "a key twice": b'{"tags": [], "tags": []}',
    "a key twice, once escaped": b'{"tags": [], "\\u0074ags": []}',
    "a key twice, inside": b'{"tags": {"a": "b", "a": "c"}}',
    "two objects": b"{}{}",
    "a list": b"[{}]",
    "an unknown key": b'{"Action": "GetCallerIdentity"}',
}


def _of_forms(right: Raw, decoy: Raw, name: str) -> Iterator[tuple[str, Raw]]:
    allowed = OPERATIONS[right.service][-1].encode()
    both, version = name.encode(), right.body.partition(b"&")[2]
    for one, other in ((both, allowed), (allowed, both)):
        for twice in (b"Action=%b&Action=%b&%b", b"%%41ction=%b&Action=%b&%b",
                      b"action=%b&Action=%b&%b", b"Action=%b;Action=%b&%b"):  # fmt: skip
            body = twice % (one, other, version)
            yield f"{body!a}", replace(right, body=body)
    yield "Version twice", replace(right, body=right.body + b"&Version=2010-01-01")
    yield "a parameter twice", replace(right, body=right.body + b"&RoleArn=a&RoleArn=b")
    yield "only in the query", replace(right, body=b"", query=right.body.decode())
    yield "the decoy in the body", replace(right, body=decoy.body, query=right.body.decode())
    get = replace(right, method="GET", query=right.body.decode(), body=b"")
    yield "GET", get
    yield "GET with the decoy in the body", replace(get, body=decoy.body)
    for value in ("application/json", "application/x-amz-json-1.1", "multipart/form-data", ""):
        yield f"Content-Type {value}", replace(right, headers=[("content-type", value)])
    yield "UTF-16", replace(right, body=right.body.decode().encode("utf-16"))
    yield "UTF-7 is ASCII", replace(right, body=right.body.replace(b"A", b"+AEE-", 1))
    packed = [*right.headers, ("content-encoding", "gzip")]
    yield "gzip", replace(right, headers=packed, body=gzip.compress(right.body))
    yield "another path", replace(right, path=f"/{name}")


def _of_paths(right: Raw, decoy: Raw, operation: Operation) -> Iterator[tuple[str, Raw]]:
    query = f"{right.query}&" if right.query else ""
    yield "x-id of the decoy", replace(right, query=f"{query}x-id={OPERATIONS[right.service][-1]}")
    yield "x-id twice", replace(right, query=f"{query}x-id={operation.name}&x-id=GetObject")
    for resource in ("acl", "tagging", "policy", "versions", "uploads", "list-type=2", "Qualifier"):
        if resource not in right.query:
            yield f"?{resource}", replace(right, query=f"{query}{resource}")
    for header in ("x-amz-copy-source", "X-Amz-Copy-Source", "x-amz-acl", "x-amz-tagging"):
        value = quote("/attacked/other")
        yield f"{header} in the query", replace(right, query=f"{query}{header}={value}")
        yield f"{header}, unsigned", _unsigned(right, header, "/attacked/other")
    for there, here in (("//", "/"), ("/./", "/"), ("/x/../", "/"), ("/%2e%2e/", "/")):
        yield f"{there} in the path", replace(right, path=right.path.replace(here, there, 1))
    yield "an escaped slash", replace(right, path=right.path.replace("attacked", "a%2Fb", 1))
    yield "escaped twice", replace(right, path=right.path.replace("attacked", "a%252Fb", 1))
    yield "no UTF-8", replace(right, path=right.path.replace("attacked", "a%ff", 1))
    yield "a body for GET", replace(right, method="GET", body=b"{}")
    for chunk in ("x-amz-copy-source", "x-amz-acl", "x-amz-checksum-crc32"):
        yield f"{chunk} after the body", _chunked(right, chunk)
    yield "the method of the decoy", replace(right, method=decoy.method)


def _chunked(right: Raw, trailer: str) -> Raw:
    headers = [
        *right.headers,
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", "0"),
        ("content-encoding", "aws-chunked"),
    ]
    return replace(right, headers=headers, body=f"0\r\n{trailer}:/a/b\r\n\r\n".encode())
