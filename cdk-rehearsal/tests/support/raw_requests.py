"""Requests to a local AWS with any headers and any signature."""

from urllib.parse import urlsplit

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cdk_rehearsal import Access

_SECONDS = 120  # generous: reached only if there is no answer at all


def send(
    access: Access,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> requests.Response:
    """Send a request with these headers, which no setting of the user changes."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(access.ca_bundle)
        address = f"{access.endpoint_url}{path}"
        return session.request(method, address, headers=headers, data=body, timeout=_SECONDS)


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
