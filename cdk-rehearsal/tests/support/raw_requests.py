"""Requests to a local AWS with any headers and any signature, byte by byte as a test wants them."""

import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cdk_rehearsal import Access

_SECONDS = 120  # generous: reached only if there is no answer at all


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def send(
    access: Access,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send exactly these headers, and by default a Host and a Content-Length."""
    address = urlsplit(access.endpoint_url)
    trust = ssl.create_default_context(cafile=access.ca_bundle)
    connection = http.client.HTTPSConnection(
        address.hostname or "", address.port, timeout=_SECONDS, context=trust
    )
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    sent = {"Host": address.netloc, "Content-Length": str(len(body))} | (headers or {})
    for name, value in sent.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content)


def signature(
    access: Access,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    *,
    service: str = "s3",
    key: tuple[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers with a signature by the owner's key, or by another one."""
    sent = {"Host": urlsplit(access.endpoint_url).netloc} | (headers or {})
    request = AWSRequest(method, f"https://{sent['Host']}{path}", data=body, headers=sent)
    of = key or (access.key.access_key_id, access.key.secret_access_key)
    SigV4Auth(Credentials(*of), service, access.region).add_auth(request)
    return dict(request.headers)
