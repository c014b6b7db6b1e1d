"""The local AWS answers only requests that are signed with a key of this run."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from requests import Response

from cdk_rehearsal import Access
from cdk_rehearsal.access import LEDGER_PATH
from cdk_rehearsal.environment import Key
from support.functions import allow
from support.raw_requests import send, signature

# What a browser sends for a web page. DNS rebinding gives the page and this AWS the same origin.
PAGES = {
    "form or fetch": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "old browser": {"Origin": "null"},
    "another port of this machine": {"Sec-Fetch-Site": "same-site"},
    "DNS rebinding": {"Host": "evil.example:{port}"},
    "localhost": {"Host": "localhost:{port}"},
    "a bucket": {"Host": "bucket.127.0.0.1:{port}"},
}


def assert_refused(answer: Response) -> None:
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert answer.content.startswith((b"This local AWS answers ", b"Only the root key "))


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_web_page_is_refused_even_with_a_valid_signature(
    access: Access, page: dict[str, str]
) -> None:
    port = urlsplit(access.endpoint_url).port
    headers = {name: value.format(port=port) for name, value in page.items()}
    assert_refused(send(access, "GET", "/", signature(access, "GET", "/", headers)))


def test_no_answer_allows_web_pages_to_read_it(access: Access) -> None:
    answer = send(access, "GET", "/", signature(access, "GET", "/"))
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


# --- Keys.

UNKNOWN_KEY = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
# One service for each protocol.
SERVICES: dict[str, Callable[[Any], Any]] = {
    "sts": lambda client: client.get_caller_identity(),
    "s3": lambda client: client.list_buckets(),
    "ec2": lambda client: client.describe_vpcs(),
    "ecs": lambda client: client.list_clusters(),
    "lambda": lambda client: client.list_functions(),
}
UNKNOWN_KEY_CODES = {
    "AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException",
}  # fmt: skip
WRONG_SECRET_CODES = {"AuthFailure", "InvalidSignatureException", "SignatureDoesNotMatch"}


def error_code(access: Access, service: str, key: Key) -> str:
    """Return the code of the error that AWS's own client reads from the answer."""
    with pytest.raises(ClientError) as error:
        SERVICES[service](replace(access, key=key).client(service))
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("service", SERVICES)
def test_an_unknown_key_and_a_wrong_secret_get_the_error_of_the_service(
    access: Access, service: str
) -> None:
    assert error_code(access, service, UNKNOWN_KEY) in UNKNOWN_KEY_CODES
    assert error_code(access, service, Key(access.key.access_key_id, "no")) in WRONG_SECRET_CODES


@pytest.mark.parametrize("key_id", ["test", "444455556666", "111122223333"])
def test_a_key_that_ministack_takes_for_root_is_unknown(access: Access, key_id: str) -> None:
    assert error_code(access, "sts", Key(key_id, "test")) in UNKNOWN_KEY_CODES


def test_the_key_of_a_session_needs_its_token(access: Access, role: Callable[..., str]) -> None:
    service = "lambda.amazonaws.com"
    session = access.role(role({"Service": service}), service=service, session="any")
    without_token = replace(session.key, session_token="")
    assert error_code(access, "sts", without_token) in UNKNOWN_KEY_CODES
    assert session.client("sts").get_caller_identity()["Arn"].endswith("/any")


# --- Signatures.

# MiniStack answers each of these to everybody: method, path, headers, body.
OPEN_PATHS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "S3: make a bucket": ("PUT", "/attacked", {}, b""),
    "S3 by SigV2": ("GET", "/", {"Authorization": "AWS test:c2lnbmF0dXJl"}, b""),
    "cfn-response": ("PUT", "/_ministack/cfn-response/x", {}, b"{}"),
    "ECS's credentials": ("GET", "/v2/credentials/x", {}, b""),
    "CodePipeline": (
        "POST", "/", {"X-Amz-Target": "CodePipeline_20150709.ListPipelines"}, b"{}",
    ),
    "OPTIONS": ("OPTIONS", "/", {"Access-Control-Request-Method": "POST"}, b""),
}  # fmt: skip


@pytest.mark.parametrize("request_", OPEN_PATHS.values(), ids=OPEN_PATHS)
def test_no_path_answers_without_a_valid_signature(
    access: Access, request_: tuple[str, str, dict[str, str], bytes]
) -> None:
    method, path, _, body = request_
    assert_refused(send(access, *request_))
    guessed = (access.key.access_key_id, "guessed")
    answer = send(access, method, path, signature(access, *request_, key=guessed), body)
    assert b"SignatureDoesNotMatch" in answer.content


def test_a_body_that_was_not_signed_is_refused(access: Access) -> None:
    headers = signature(access, "POST", "/", body=b"Action=GetCallerIdentity", service="sts")
    answer = send(access, "POST", "/", headers, b"Action=GetSessionToken")
    assert b"SignatureDoesNotMatch" in answer.content
    # Clients of S3 sign the checksum of the body instead of the body.
    of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = signature(access, "PUT", "/attacked", {"x-amz-content-sha256": of_nothing})
    answer = send(access, "PUT", "/attacked", headers, b"<CreateBucketConfiguration/>")
    assert answer.status_code == 403


def test_only_root_administers_the_emulator(access: Access, user: Callable[..., Access]) -> None:
    path, guest = LEDGER_PATH, user(allow("*"))
    assert_refused(send(guest, "GET", path, signature(guest, "GET", path)))
    assert send(access, "GET", path, signature(access, "GET", path)).status_code == 200


@pytest.mark.parametrize("age", [timedelta(days=365 * 27), -timedelta(hours=1)])
def test_s9_a_signature_ages(
    access: Access, monkeypatch: pytest.MonkeyPatch, age: timedelta
) -> None:
    then = datetime.now(UTC) - age
    monkeypatch.setattr(
        "botocore.auth.get_current_datetime",
        lambda remove_tzinfo=True: then.replace(tzinfo=None) if remove_tzinfo else then,
    )
    late = send(access, "GET", "/", signature(access, "GET", "/"))
    assert (late.status_code, b"RequestTimeTooSkewed" in late.content) == (403, True)


def test_s9_a_signature_is_in_a_header_and_never_in_the_url(access: Access) -> None:
    """Without it the headers of a request would not have to be signed."""
    url = access.client("s3").generate_presigned_url("list_buckets")
    assert_refused(send(access, "GET", url.removeprefix(access.endpoint_url)))
