"""The local AWS answers nobody but its owner: each attack, and the answer that it gets."""

import base64
import datetime
import io
import json
import os
import socket
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tools.local_aws import Access, LocalAws
from tools.local_aws.process_environment import process_environment
from tools.local_aws.tests.raw_requests import Answer, presigned, send, signature
from tools.local_aws.tests.stacks import Stacks

NOBODY = 65534
JSON = "application/x-amz-json-1.1"
EVIL = "https://evil.example"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": f"sha256:{'0' * 64}",
            "size": 0,
        },
        "layers": [],
    }
).encode()
MANIFEST_TYPE = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}

# What a browser sends along with the request of a foreign page, old or new.
PAGES = {
    "form or fetch": {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"},
    "sandboxed frame": {"Origin": "null"},
    "image": {"Sec-Fetch-Site": "cross-site"},
    "another port of this machine": {"Sec-Fetch-Site": "same-site"},
}


@pytest.fixture(scope="session")
def access(local_aws: LocalAws) -> Access:
    return local_aws.access


@pytest.fixture
def repository(client: Callable[[str], Any]) -> Iterator[str]:
    client("ecr").create_repository(repositoryName="attacked")
    yield "attacked"
    client("ecr").delete_repository(repositoryName="attacked", force=True)


def assert_refused(answer: Answer, status: int = 403) -> None:
    assert answer.status == status
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.body.startswith((b"This local AWS answers ", b"Only the root key "))
    assert answer.body.count(b"\n") == 1


def function_code() -> bytes:
    """The request that makes a Lambda function of whatever Python somebody likes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", "def handler(event, context): return 'run'")
    code = {"ZipFile": base64.b64encode(packed.getvalue()).decode()}
    return json.dumps(
        {
            "FunctionName": "attack",
            "Runtime": "python3.11",
            "Role": "arn:aws:iam::111122223333:role/any",
            "Handler": "code.handler",
            "Code": code,
        }
    ).encode()


@pytest.mark.parametrize("sent", PAGES.values(), ids=PAGES)
def test_a_page_cannot_run_code(
    access: Access, client: Callable[[str], Any], sent: dict[str, str]
) -> None:
    """A POST of text/plain is sent by a browser without asking first."""
    simple = {**sent, "Content-Type": "text/plain"}
    assert_refused(send(access, "POST", "/2015-03-31/functions", simple, function_code()))
    assert_refused(send(access, "POST", "/2015-03-31/functions/attack/invocations", simple, b"{}"))
    assert client("lambda").list_functions()["Functions"] == []


@pytest.mark.parametrize("sent", PAGES.values(), ids=PAGES)
def test_a_page_is_refused_even_with_a_right_signature(
    access: Access, sent: dict[str, str]
) -> None:
    """It may have got hold of a presigned address."""
    assert_refused(send(access, "GET", "/", signature(access, "GET", "/", sent)))


def test_an_address_that_the_owner_types_into_a_browser_is_answered(access: Access) -> None:
    typed = {"Sec-Fetch-Site": "none"}
    assert send(access, "GET", presigned(access, "GET", "/", 60), typed).status == 200


@pytest.mark.parametrize("name", ["evil.example", "localhost", "bucket.127.0.0.1", "127.0.0.1"])
@pytest.mark.parametrize("sign", [False, True], ids=["unsigned", "signed for that host"])
def test_a_name_that_somebody_points_here_is_refused(
    access: Access, name: str, *, sign: bool
) -> None:
    """DNS rebinding: to the browser, the page and this AWS are of one origin."""
    port = urlsplit(access.endpoint_url).port
    host = {"Host": name if name == "127.0.0.1" else f"{name}:{port}"}
    assert_refused(send(access, "GET", "/", signature(access, "GET", "/", host) if sign else host))


def test_two_host_headers_are_refused(access: Access) -> None:
    own = urlsplit(access.endpoint_url).netloc
    answer = over_tls(access, f"GET / HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 "))


def test_no_host_header_is_refused(access: Access) -> None:
    answer = over_tls(access, "GET / HTTP/1.0\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 ", b"HTTP/1.0 403 "))


GUESSED = {
    "test": ("test", "test"),
    "an account": ("444455556666", "anything"),
    "this account": ("111122223333", "local"),
    "a made-up key": ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
}
SERVICES: dict[str, Callable[[Any], Any]] = {
    "sts": lambda client: client.get_caller_identity(),
    "s3": lambda client: client.list_buckets(),
    "ecs": lambda client: client.list_clusters(),
    "ec2": lambda client: client.describe_vpcs(),
    "lambda": lambda client: client.list_functions(),
    "cloudwatch": lambda client: client.describe_alarms(),
    "codepipeline": lambda client: client.list_pipelines(),
    "application-autoscaling": lambda client: client.describe_scalable_targets(
        ServiceNamespace="ecs"
    ),
}
# What AWS says, in the words of its services, of a key that it does not know.
UNKNOWN_KEY = {
    "AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException",
}  # fmt: skip
WRONG_SECRET = {"AuthFailure", "InvalidSignatureException", "SignatureDoesNotMatch"}


def refusal(access: Access, service: str, key: tuple[str, str]) -> str:
    """The code of the error that AWS's own client reads from the answer."""
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


@pytest.mark.parametrize("key", GUESSED.values(), ids=GUESSED)
def test_a_guessed_key_is_refused(access: Access, key: tuple[str, str]) -> None:
    assert refusal(access, "sts", key) in UNKNOWN_KEY


@pytest.mark.parametrize("service", SERVICES)
def test_the_refusal_is_an_error_of_the_service(access: Access, service: str) -> None:
    assert refusal(access, service, GUESSED["a made-up key"]) in UNKNOWN_KEY
    right_key = (access.key.access_key_id, "wrong")
    assert refusal(access, service, right_key) in WRONG_SECRET


def test_the_key_of_a_session_is_nothing_without_its_token(
    access: Access, client: Callable[[str], Any]
) -> None:
    service = {"Service": "lambda.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    role = client("iam").create_role(
        RoleName="assumed", AssumeRolePolicyDocument=json.dumps(trust)
    )["Role"]
    session = access.role(role["Arn"], service="lambda.amazonaws.com", session="any").key
    key = (session.access_key_id, session.secret_access_key)
    assert refusal(access, "sts", key) in UNKNOWN_KEY
    with_token = signature(
        access,
        "GET",
        "/?Action=GetCallerIdentity&Version=2011-06-15",
        {"X-Amz-Security-Token": session.session_token},
        service="sts",
        key=key,
    )
    answer = send(access, "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", with_token)
    assert b"assumed-role/assumed/any" in answer.body


@pytest.mark.parametrize("credential", ["", "/20260101/eu-west-1/s3/aws4_request"])
def test_a_signature_without_a_key_is_refused(access: Access, credential: str) -> None:
    header = {
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": "AWS4-HMAC-SHA256 "
        f"Credential={credential}, SignedHeaders=host, Signature={'0' * 64}",
    }
    assert send(access, "GET", "/", header).status in {400, 403}


@pytest.mark.parametrize("wrong", ["0", "f" * 64, "é", "é" * 64])
def test_a_signature_of_any_letters_is_a_wrong_one(access: Access, wrong: str) -> None:
    headers = signature(access, "GET", "/")
    right = headers["Authorization"].rpartition("=")[2]
    headers["Authorization"] = headers["Authorization"].replace(right, wrong)
    answer = send(access, "GET", "/", headers)
    assert answer.status == 403
    assert b"SignatureDoesNotMatch" in answer.body


def test_a_second_signature_is_refused(access: Access) -> None:
    """Not even one of them is asked: which caller would MiniStack then take it for?"""
    path = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE"
    assert_refused(send(access, "GET", path, signature(access, "GET", path)))
    path = "/?AWSAccessKeyId=test&Signature=any"
    assert_refused(send(access, "GET", path, signature(access, "GET", path)))


# Each of these answered anybody: method, path, headers, body.
Door = tuple[str, str, dict[str, str], bytes]
OPEN_DOORS: dict[str, Door] = {
    "S3: list buckets": ("GET", "/", {}, b""),
    "S3: make a bucket": ("PUT", "/attacked", {}, b""),
    "S3: HEAD": ("HEAD", "/attacked", {}, b""),
    "S3 by SigV2": ("GET", "/", {"Authorization": "AWS test:c2lnbmF0dXJl"}, b""),
    "cfn-response": ("PUT", "/_ministack/cfn-response/x", {}, b"{}"),
    "cfn-signal": ("PUT", "/_ministack/cfn-signal/x", {}, b"{}"),
    "reset": ("POST", "/_ministack/reset", {}, b""),
    "reset, encoded": ("POST", "/%5Fministack/reset", {}, b""),
    "config": ("POST", "/_ministack/config", {}, b'{"stepfunctions._SFN_WAIT_SCALE": "0"}'),
    "health": ("GET", "/_ministack/health", {}, b""),
    "health, short": ("GET", "/health", {}, b""),
    "health of LocalStack": ("GET", "/_localstack/health", {}, b""),
    "ready": ("GET", "/_ministack/ready", {}, b""),
    "lambda-code": ("GET", "/_ministack/lambda-code/attack", {}, b""),
    "lambda-layers": ("GET", "/_ministack/lambda-layers/attack/1/content", {}, b""),
    "messages of SQS": ("GET", "/_ministack/sqs/messages", {}, b""),
    "messages of SES": ("GET", "/_ministack/ses/messages", {}, b""),
    "messages of SNS": ("GET", "/_ministack/sns/sms-messages", {}, b""),
    "certificate of IoT": ("GET", "/_ministack/iot/ca.pem", {}, b""),
    "certificate of RDS": ("GET", "/_ministack/rds/ca.pem", {}, b""),
    "login to RDS": ("POST", "/_ministack/rds/iam-auth", {}, b"{}"),
    "login to EKS": ("POST", "/_ministack/eks-auth/x", {}, b"{}"),
    "Cognito: token": ("POST", "/oauth2/token", {}, b"grant_type=client_credentials"),
    "Cognito: authorize": ("GET", "/oauth2/authorize?client_id=x", {}, b""),
    "Cognito: login": ("POST", "/login", {}, b""),
    "EC2's credentials": ("GET", "/latest/meta-data/iam/security-credentials/", {}, b""),
    "EC2's token": (
        "PUT",
        "/latest/api/token",
        {"X-aws-ec2-metadata-token-ttl-seconds": "60"},
        b"",
    ),
    "ECS's credentials": ("GET", "/v2/credentials/x", {}, b""),
    "Bedrock for OpenAI's client": ("POST", "/v1/chat/completions", {}, b"{}"),
    "API Gateway": ("GET", "/_aws/execute-api/abcdef12/prod/", {}, b""),
    "load balancer": ("GET", "/_alb/any/", {}, b""),
    "Auto Scaling": (
        "POST",
        "/",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"Action=DescribeAutoScalingGroups&Version=2011-01-01",
    ),
    **{
        target: ("POST", "/", {"X-Amz-Target": target, "Content-Type": JSON}, b"{}")
        for target in (
            "CodePipeline_20150709.ListPipelines",
            "AnyScaleFrontendService.DescribeScalableTargets",
            "ServiceQuotasV20190624.ListServices",
            "com.amazonaws.codeconnections.CodeConnections_20231201.ListConnections",
            "com.amazonaws.codestar.connections.CodeStar_connections_20191201.ListConnections",
        )
    },
    **{
        f"OPTIONS {path}": ("OPTIONS", path, {"Access-Control-Request-Method": "POST"}, b"")
        for path in ("/", "/attacked/key", "/2015-03-31/functions", "/_ministack/reset")
    },
}


@pytest.mark.parametrize("door", OPEN_DOORS.values(), ids=OPEN_DOORS)
def test_nothing_is_answered_without_a_signature(access: Access, door: Door) -> None:
    answer = send(access, *door)
    if door[0] == "HEAD":
        assert answer.status == 403
    else:
        assert_refused(answer)


@pytest.mark.parametrize("door", OPEN_DOORS.values(), ids=OPEN_DOORS)
def test_a_wrong_signature_opens_no_door_either(access: Access, door: Door) -> None:
    method, path, _, body = door
    guessed = (access.key.access_key_id, "guessed")
    answer = send(access, method, path, signature(access, *door, key=guessed), body)
    if method == "HEAD":
        assert answer.status == 403
    else:
        code = b"InvalidSignature" if "X-Amz-Target" in door[2] else b"SignatureDoesNotMatch"
        assert code in answer.body


def test_a_bucket_was_not_made_by_any_of_them(client: Callable[[str], Any]) -> None:
    assert "attacked" not in {each["Name"] for each in client("s3").list_buckets()["Buckets"]}


def test_what_administers_the_emulator_is_for_root_only(
    access: Access, client: Callable[[str], Any]
) -> None:
    client("iam").create_user(UserName="guest")
    made = client("iam").create_access_key(UserName="guest")["AccessKey"]
    key = (made["AccessKeyId"], made["SecretAccessKey"])
    for path in ("/_ministack/health", "/latest/meta-data/"):
        assert_refused(send(access, "GET", path, signature(access, "GET", path, key=key)))
    path = "/_ministack/health"
    assert send(access, "GET", path, signature(access, "GET", path)).status == 200


def test_no_answer_can_be_read_by_a_page(access: Access) -> None:
    """What MiniStack allows to all origins, with a signature or for a preflight."""
    for method, path in (("GET", "/"), ("OPTIONS", "/"), ("GET", "/2015-03-31/functions")):
        service = "lambda" if "functions" in path else "s3"
        answer = send(access, method, path, signature(access, method, path, service=service))
        assert answer.status == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("service", ["s3", "sts"])
def test_another_body_than_the_signed_one_is_refused(access: Access, service: str) -> None:
    headers = signature(access, "POST", "/", body=b"Action=GetCallerIdentity", service=service)
    answer = send(access, "POST", "/", headers, b"Action=GetSessionToken")
    assert answer.status == 403
    assert b"SignatureDoesNotMatch" in answer.body


def test_another_body_than_its_own_checksum_is_refused(access: Access) -> None:
    """S3's clients sign the checksum of the body instead of the body."""
    of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    checksum = {"x-amz-content-sha256": of_nothing}
    headers = signature(access, "PUT", "/attacked", checksum, service="s3")
    answer = send(access, "PUT", "/attacked", headers, b"<CreateBucketConfiguration/>")
    assert answer.status == 403


def test_an_old_signature_is_refused(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    an_hour_ago(monkeypatch)
    headers = signature(access, "GET", "/")
    answer = send(access, "GET", "/", headers)
    assert answer.status == 403
    assert b"RequestTimeTooSkewed" in answer.body


@pytest.fixture
def letter(client: Callable[[str], Any]) -> Iterator[str]:
    """The path of an object in S3."""
    s3, at = client("s3"), {"Bucket": "lent", "Key": "letter"}
    s3.create_bucket(Bucket="lent", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(**at, Body=b"for you")
    yield "/lent/letter"
    s3.delete_object(**at)
    s3.delete_bucket(Bucket="lent")


def test_a_presigned_address_shows_what_it_was_made_for(access: Access, letter: str) -> None:
    assert send(access, "GET", presigned(access, "GET", letter, 60)).body == b"for you"


@pytest.mark.parametrize(
    ("method", "was", "becomes"),
    [
        ("GET", "/lent/letter", "/lent/another"),
        ("GET", "/lent/letter", "/"),
        ("GET", "X-Amz-Expires=60", "X-Amz-Expires=600000"),
        ("GET", "X-Amz-Expires=60", f"X-Amz-Expires={'9' * 400}"),
        ("GET", "X-Amz-Expires=60", "X-Amz-Expires=86400000000000"),
        ("GET", "X-Amz-Expires=60", ""),
        ("GET", "X-Amz-Signature=", "X-Amz-Signature=%C3%A9"),
        ("GET", "X-Amz-Signature=", "X-Amz-Signature=0"),
        ("GET", "X-Amz-Signature=", "Unsigned="),
        ("POST", "/lent/letter", "/_ministack/reset"),
        ("DELETE", "", ""),
    ],
)
def test_a_presigned_address_opens_nothing_else(
    access: Access, letter: str, method: str, was: str, becomes: str
) -> None:
    lent = presigned(access, "GET", letter, 60)
    answer = send(access, method, lent.replace(was, becomes, 1))
    assert answer.status in {400, 403}
    assert b"for you" not in answer.body
    assert send(access, "GET", lent).body == b"for you"


@pytest.mark.parametrize("path", ["/lent/letter", "/_ministack/health"])
def test_a_presigned_address_expires(
    access: Access, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where MiniStack by itself looks at no signature."""
    an_hour_ago(monkeypatch)
    answer = send(access, "GET", presigned(access, "GET", path, 60))
    assert answer.status == 403
    assert b"Request has expired" in answer.body


def an_hour_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    monkeypatch.setattr(
        "botocore.auth.get_current_datetime",
        lambda remove_tzinfo=True: then.replace(tzinfo=None) if remove_tzinfo else then,
    )


@pytest.mark.parametrize("login", ["", "Basic QVdTOm1pbmlzdGFjay1hdXRoLXRva2Vu", "Bearer any"])
def test_the_registry_is_closed_without_a_login(
    access: Access, client: Callable[[str], Any], repository: str, login: str
) -> None:
    """The second one is the login that MiniStack gives to everybody."""
    headers = {"Authorization": login} if login else {}
    for method, path in (
        ("GET", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("GET", f"/v2/{repository}/tags/list"),
        ("POST", f"/v2/{repository}/blobs/uploads/"),
        ("PUT", f"/v2/{repository}/manifests/live"),
        ("DELETE", f"/v2/{repository}/manifests/live"),
    ):
        answer = send(access, method, path, headers | MANIFEST_TYPE, MANIFEST)
        assert_refused(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Basic ")
    assert client("ecr").describe_images(repositoryName=repository)["imageDetails"] == []


def test_the_registry_is_open_to_the_login_that_a_signed_call_gave(
    access: Access, client: Callable[[str], Any], repository: str
) -> None:
    (given,) = client("ecr").get_authorization_token()["authorizationData"]
    login = {"Authorization": f"Basic {given['authorizationToken']}"}
    assert send(access, "GET", "/v2/", login).status == 200
    path = f"/v2/{repository}/manifests/first"
    assert send(access, "PUT", path, login | MANIFEST_TYPE, MANIFEST).status == 201
    assert_refused(send(access, "GET", "/", login))


def test_a_stack_takes_signals_at_the_address_that_it_gave(access: Access, stacks: Stacks) -> None:
    handle = {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
    outputs = stacks.deploy("waits", handle, Outputs={"Url": {"Value": {"Ref": "Handle"}}})
    path = urlsplit(outputs["Url"]).path
    signal = json.dumps({"Status": "SUCCESS", "UniqueId": "1", "Data": "", "Reason": ""}).encode()
    assert send(access, "PUT", path, body=signal).status == 200
    assert_refused(send(access, "GET", path))
    assert_refused(send(access, "PUT", f"{path}0", body=signal))
    assert_refused(send(access, "PUT", path, {"Origin": EVIL}, signal))


def test_no_script_that_lies_on_the_machine_is_run(tmp_path: Path) -> None:
    """MiniStack would run those of /etc/localstack/init and /docker-entrypoint-initaws.d."""
    (tmp_path / "seed.sh").write_text("touch run", encoding="utf-8")
    collected = (
        "import sys\n"
        "from ministack import app\n"
        "from tools.local_aws.replacements import load\n"
        "print(app._collect_scripts(sys.argv[1]))\n"
        "load(with_engine=False).apply()\n"
        "print(app._collect_scripts(sys.argv[1]))\n"
    )
    home = {name: str(tmp_path / "home") for name in ("HOME", "STATE_DIR", "S3_DATA_DIR")}
    done = subprocess.run(
        [sys.executable, "-c", collected, str(tmp_path)],
        env=process_environment() | home | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [f"['{tmp_path}/seed.sh']", "[]"]


def over_tls(access: Access, text: str) -> bytes:
    address = urlsplit(access.endpoint_url)
    trust = ssl.create_default_context(cafile=access.ca_bundle)
    with (
        socket.create_connection((address.hostname, address.port), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname=address.hostname) as connection,
    ):
        connection.sendall(text.encode())
        return connection.recv(4096)


def test_a_web_socket_is_refused(access: Access, client: Callable[[str], Any]) -> None:
    """Even where MiniStack has somebody to talk to."""
    gateway = client("apigatewayv2")
    api = gateway.create_api(
        Name="attacked", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    gateway.create_stage(ApiId=api, StageName="prod")
    path = f"/_aws/execute-api/{api}/prod"
    headers = {
        "Host": urlsplit(access.endpoint_url).netloc,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    for sent in (headers, signature(access, "GET", path, headers)):
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        answer = over_tls(access, f"GET {path} HTTP/1.1\r\n{lines}\r\n")
        assert answer.startswith(b"HTTP/1.1 403 ")


def test_plain_http_is_not_answered(access: Access) -> None:
    address = urlsplit(access.endpoint_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        try:
            answer = connection.recv(4096)
        except ConnectionResetError:
            answer = b""
    assert b"HTTP" not in answer


def test_a_client_that_trusts_others_does_not_talk_to_it(access: Access) -> None:
    """And the other way round: this AWS's clients trust nobody else's certificate."""
    address = urlsplit(access.endpoint_url)
    of_the_machine = ssl.create_default_context()
    with (
        socket.create_connection((address.hostname, address.port), timeout=10) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        of_the_machine.wrap_socket(plain, server_hostname=address.hostname)


def test_every_run_has_a_key_of_its_own(local_aws: LocalAws) -> None:
    with LocalAws(account="111122223333", region="eu-west-1") as other:
        mine, theirs = local_aws.access, other.access
        assert mine.key != theirs.key
        assert mine.ca_bundle.read_bytes() != theirs.ca_bundle.read_bytes()
        other_key = (theirs.key.access_key_id, theirs.key.secret_access_key)
        assert refusal(mine, "sts", other_key) in UNKNOWN_KEY


def test_the_secret_is_not_shown_by_accident(access: Access) -> None:
    assert access.key.secret_access_key not in repr(access)


def test_no_file_of_it_can_be_read_by_others(access: Access) -> None:
    folder = access.ca_bundle.parent
    files = {path.name: path for path in (folder, *folder.rglob("*"))}
    assert {"server.pem", "ca.pem", "log"} <= files.keys()
    assert [name for name, path in files.items() if path.lstat().st_mode & 0o077] == []


# Run as another user: tries what a user can try, and says what it got.
OTHER_USER = f"""
import encodings.idna, http.client, json, os, ssl, sys  # all of it before the user changes
from pathlib import Path

wanted = json.load(sys.stdin)
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
got = []

def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""

def look(path):
    if any(secret.encode() in read(path) for secret in wanted["secrets"]):
        got.append(f"read {{path}}")

titles = 0
for process in Path("/proc").iterdir():
    if process.name.isdigit():
        titles += bool(read(process / "cmdline"))
        look(process / "cmdline")
        look(process / "environ")
for folder in wanted["folders"]:
    for path, _, names in os.walk(folder):
        for name in names:
            look(Path(path, name))
    for name in wanted["names"]:
        look(Path(folder, name))
unchecked = ssl._create_unverified_context()
connection = http.client.HTTPSConnection("127.0.0.1", wanted["port"], context=unchecked)
connection.request("PUT", "/made-by-another-user")
status = connection.getresponse().status
print(json.dumps({{"got": got, "titles": titles, "status": status, "user": os.getuid()}}))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_gets_nothing(access: Access) -> None:
    folder = access.ca_bundle.parent
    server_key = (folder / "server.pem").read_text().split("-----")[2].strip()
    wanted = {
        "secrets": [access.key.secret_access_key, server_key],
        "folders": [str(folder)],
        "names": ["server.pem", "ca.pem", "log"],
        "port": urlsplit(access.endpoint_url).port,
    }
    # A process that has the secret where it may be, for the other user to look into.
    holder = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=access.environment()
    )
    try:
        tried = subprocess.run(
            [sys.executable, "-c", OTHER_USER],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        holder.communicate(b"\n")
    assert tried.returncode == 0, tried.stderr
    found = json.loads(tried.stdout)
    assert found["user"] == NOBODY
    assert found["titles"] > 0
    assert found["got"] == []
    assert found["status"] == 403


def test_no_process_title_has_the_secret(access: Access) -> None:
    proc = Path("/proc")
    if not proc.is_dir():
        pytest.skip("this system shows processes otherwise")
    titles = []
    for process in proc.glob("[0-9]*"):
        try:
            titles.append((process / "cmdline").read_bytes())
        except OSError:
            continue  # it has ended
    assert any(b"tools.local_aws" in title for title in titles)
    assert not [title for title in titles if access.key.secret_access_key.encode() in title]
