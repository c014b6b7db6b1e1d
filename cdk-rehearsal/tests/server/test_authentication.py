"""The local AWS answers only requests that are signed with a key of this run."""

import base64
import json
import socket
import ssl
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cdk_rehearsal import Access
from support.raw_requests import Answer, presigned, send, signature
from support.stacks import Stacks

SOCKET_SECONDS = 120  # generous: reached only if there is no answer at all
# Headers that a browser adds to the requests of a web page.
PAGES = {
    "form or fetch": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "old browser": {"Origin": "null"},
    "another port of this machine": {"Sec-Fetch-Site": "same-site"},
}


def assert_refused(answer: Answer, status: int = 403) -> None:
    assert answer.status == status
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.body.startswith((b"This local AWS answers ", b"Only the root key "))


# --- Web pages.


@pytest.mark.parametrize("headers", PAGES.values(), ids=PAGES)
def test_a_web_page_is_refused_even_with_a_valid_signature(
    access: Access, headers: dict[str, str]
) -> None:
    """A browser sends a POST of text/plain without a preflight request."""
    simple = {**headers, "Content-Type": "text/plain"}
    assert_refused(send(access, "POST", "/2015-03-31/functions", simple, b"{}"))
    assert_refused(send(access, "GET", "/", signature(access, "GET", "/", headers)))


@pytest.mark.parametrize("name", ["evil.example", "localhost", "bucket.127.0.0.1"])
def test_another_host_name_is_refused_even_if_it_is_signed(access: Access, name: str) -> None:
    """With DNS rebinding the web page and this AWS have the same origin."""
    host = {"Host": f"{name}:{urlsplit(access.endpoint_url).port}"}
    assert_refused(send(access, "GET", "/", signature(access, "GET", "/", host)))
    own = urlsplit(access.endpoint_url).netloc
    two = over_tls(access, f"GET / HTTP/1.1\r\nHost: {own}\r\nHost: {name}\r\n\r\n")
    assert two.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 "))


def test_no_answer_allows_web_pages_to_read_it(access: Access) -> None:
    for method, status in (("GET", 200), ("OPTIONS", 400)):
        answer = send(access, method, "/", signature(access, method, "/"))
        assert answer.status == status
        assert not [name for name in answer.headers if name.startswith("access-control-")]


# --- Keys.

UNKNOWN_KEY = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
# One service for each protocol, and one that moto serves.
SERVICES: dict[str, Callable[[Any], Any]] = {
    "sts": lambda client: client.get_caller_identity(),
    "s3": lambda client: client.list_buckets(),
    "ec2": lambda client: client.describe_vpcs(),
    "ecs": lambda client: client.list_clusters(),
    "lambda": lambda client: client.list_functions(),
    "codepipeline": lambda client: client.list_pipelines(),
}
UNKNOWN_KEY_CODES = {
    "AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException",
}  # fmt: skip
WRONG_SECRET_CODES = {"AuthFailure", "InvalidSignatureException", "SignatureDoesNotMatch"}


def error_code(access: Access, service: str, key: tuple[str, str]) -> str:
    """Return the code of the error that AWS's own client reads from the answer."""
    client = boto3.client(
        service,
        endpoint_url=access.endpoint_url,
        region_name=access.region,
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
        verify=str(access.ca_bundle),
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as error:
        SERVICES[service](client)
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("service", SERVICES)
def test_an_unknown_key_and_a_wrong_secret_get_the_error_of_the_service(
    access: Access, service: str
) -> None:
    assert error_code(access, service, UNKNOWN_KEY) in UNKNOWN_KEY_CODES
    wrong_secret = (access.key.access_key_id, "wrong")
    assert error_code(access, service, wrong_secret) in WRONG_SECRET_CODES


@pytest.mark.parametrize("key_id", ["test", "444455556666", "111122223333"])
def test_a_key_that_ministack_takes_for_root_is_unknown(access: Access, key_id: str) -> None:
    assert error_code(access, "sts", (key_id, "test")) in UNKNOWN_KEY_CODES


def test_the_key_of_a_session_needs_its_token(access: Access, client: Callable[[str], Any]) -> None:
    service = {"Service": "lambda.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    role = client("iam").create_role(
        RoleName="assumed", AssumeRolePolicyDocument=json.dumps(trust)
    )["Role"]
    session = access.role(role["Arn"], service="lambda.amazonaws.com", session="any")
    key = (session.key.access_key_id, session.key.secret_access_key)
    assert error_code(access, "sts", key) in UNKNOWN_KEY_CODES
    assert session.client("sts").get_caller_identity()["Arn"].endswith(":assumed-role/assumed/any")


# --- Signatures.

# Without this middleware each of these paths answers everybody: method, path, headers, body.
OPEN_PATHS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "S3: list buckets": ("GET", "/", {}, b""),
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
    access: Access,
    client: Callable[[str], Any],
    request_: tuple[str, str, dict[str, str], bytes],
) -> None:
    method, path, _, body = request_
    assert_refused(send(access, *request_))
    guessed = (access.key.access_key_id, "guessed")
    answer = send(access, method, path, signature(access, *request_, key=guessed), body)
    assert b"SignatureDoesNotMatch" in answer.body
    assert "attacked" not in {each["Name"] for each in client("s3").list_buckets()["Buckets"]}


@pytest.mark.parametrize("wrong", ["0", "é" * 64])
def test_a_malformed_signature_is_a_wrong_one(access: Access, wrong: str) -> None:
    headers = signature(access, "GET", "/")
    right = headers["Authorization"].rpartition("=")[2]
    headers["Authorization"] = headers["Authorization"].replace(right, wrong)
    answer = send(access, "GET", "/", headers)
    assert answer.status == 403
    assert b"SignatureDoesNotMatch" in answer.body


def test_a_body_that_was_not_signed_is_refused(access: Access) -> None:
    headers = signature(access, "POST", "/", body=b"Action=GetCallerIdentity", service="sts")
    answer = send(access, "POST", "/", headers, b"Action=GetSessionToken")
    assert b"SignatureDoesNotMatch" in answer.body


def test_a_body_with_another_checksum_than_the_signed_one_is_refused(access: Access) -> None:
    """Clients of S3 sign the checksum of the body instead of the body."""
    of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = signature(access, "PUT", "/attacked", {"x-amz-content-sha256": of_nothing})
    answer = send(access, "PUT", "/attacked", headers, b"<CreateBucketConfiguration/>")
    assert answer.status == 403


def test_only_root_administers_the_emulator(access: Access, client: Callable[[str], Any]) -> None:
    client("iam").create_user(UserName="guest")
    made = client("iam").create_access_key(UserName="guest")["AccessKey"]
    key = (made["AccessKeyId"], made["SecretAccessKey"])
    path = "/_ministack/health"
    assert_refused(send(access, "GET", path, signature(access, "GET", path, key=key)))
    assert send(access, "GET", path, signature(access, "GET", path)).status == 200


# --- Presigned URLs, logins of docker, and other secrets that a signed request receives.


@pytest.mark.parametrize(
    ("method", "part", "changed"),
    [
        ("GET", "/shelf/object", "/shelf/another"),
        ("GET", "X-Amz-Expires=60", "X-Amz-Expires=600000"),
        ("GET", "X-Amz-Expires=60", f"X-Amz-Expires={'9' * 400}"),
        ("GET", "X-Amz-Expires=60", ""),
        ("GET", "X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Credential=another"),
        ("GET", "X-Amz-Expires=60", "X-Amz-Expires=60&x-amz-credential=another"),
        ("GET", "X-Amz-Signature=", "X-Amz-Signature=0"),
        ("DELETE", "", ""),
    ],
)
def test_a_presigned_url_is_valid_for_one_request_only(
    access: Access, stored_object: str, method: str, part: str, changed: str
) -> None:
    url = presigned(access, "GET", stored_object, 60)
    answer = send(access, method, url.replace(part, changed, 1))
    assert answer.status in {400, 403}
    assert b"content" not in answer.body
    # "none": the user has typed the URL into a browser.
    assert send(access, "GET", url, {"Sec-Fetch-Site": "none"}).body == b"content"


def test_the_registry_needs_a_login_that_a_signed_call_received(
    access: Access, client: Callable[[str], Any]
) -> None:
    of_ministack = base64.b64encode(b"AWS:ministack-auth-token").decode()
    for login in ({}, {"Authorization": f"Basic {of_ministack}"}):
        answer = send(access, "GET", "/v2/", login)
        assert_refused(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Basic ")
    (given,) = client("ecr").get_authorization_token()["authorizationData"]
    issued = {"Authorization": f"Basic {given['authorizationToken']}"}
    assert send(access, "GET", "/v2/", issued).status == 200
    assert_refused(send(access, "GET", "/", issued))


def test_a_wait_condition_takes_signals_only_at_its_own_url(access: Access, stacks: Stacks) -> None:
    handle = {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
    outputs = stacks.deploy("waits", handle, Outputs={"Url": {"Value": {"Ref": "Handle"}}})
    path = urlsplit(outputs["Url"]).path
    signal = json.dumps({"Status": "SUCCESS", "UniqueId": "1", "Data": "", "Reason": ""}).encode()
    assert send(access, "PUT", path, body=signal).status == 200
    assert_refused(send(access, "GET", path))
    assert_refused(send(access, "PUT", f"{path}0", body=signal))


# --- The connection, and other users of this machine.


def over_tls(access: Access, text: str) -> bytes:
    address = urlsplit(access.endpoint_url)
    trust = ssl.create_default_context(cafile=access.ca_bundle)
    with (
        socket.create_connection((address.hostname, address.port), SOCKET_SECONDS) as plain,
        trust.wrap_socket(plain, server_hostname=address.hostname) as connection,
    ):
        connection.sendall(text.encode())
        return connection.recv(4096)


def test_a_web_socket_is_refused(access: Access) -> None:
    path = "/_aws/execute-api/any/prod"
    headers = {
        "Host": urlsplit(access.endpoint_url).netloc,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    signed = signature(access, "GET", path, headers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    answer = over_tls(access, f"GET {path} HTTP/1.1\r\n{lines}\r\n")
    assert answer.startswith(b"HTTP/1.1 403 ")


def test_plain_http_gets_no_answer(access: Access) -> None:
    address = urlsplit(access.endpoint_url)
    with socket.create_connection((address.hostname, address.port), SOCKET_SECONDS) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        try:
            answer = connection.recv(4096)
        except ConnectionResetError:
            answer = b""
    assert b"HTTP" not in answer


def test_the_secret_is_not_in_the_repr(access: Access) -> None:
    assert access.key.secret_access_key not in repr(access)


def test_no_other_user_can_read_its_files(access: Access) -> None:
    folder = access.ca_bundle.parent
    files = {path.name: path for path in (folder, *folder.rglob("*"))}
    assert {"server.pem", "ca.pem", "log"} <= files.keys()
    assert [name for name, path in files.items() if path.lstat().st_mode & 0o077] == []


def test_no_command_line_of_a_process_has_the_secret(access: Access) -> None:
    """Every user of a machine can read the command lines of all its processes."""
    listed = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True)
    assert "cdk_rehearsal.server" in listed.stdout
    assert access.key.secret_access_key not in listed.stdout
