"""The first image of a repository: what CloudFormation asks for, registries, and the answer."""

import base64
import email.message
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from backend_service.release.action import ActionError, Clock, OutOfTimeError
from backend_service.release.function import answer
from backend_service.release.seed import seed
from tests.backend_service.fake_ecr import (
    INDEX,
    OCI,
    REGISTRY,
    SERVICE,
    Ecr,
    Response,
    digest_of,
    ranged,
    status,
)

REPOSITORY = f"{REGISTRY}/shop"
BEFORE = f"{REGISTRY}/shop/builds"
NAME = "public.ecr.aws/team/shop:1"


class Registry:
    """A public registry with one repository, which gives a token to everybody.

    Blobs are behind a redirect to another host, which must not get the token. ``asked`` has the
    addresses. With ``password`` the registry wants that instead of a token.
    """

    def __init__(self, host: str = "public.ecr.aws/v2/team/shop", password: str = "") -> None:
        self.asked: list[str] = []
        self.refusals: list[Exception] = []
        self._url = f"https://{host}"
        self._host = host.partition("/")[0]
        self._wanted = f"Basic {password}" if password else "Bearer for-anybody"
        self._blobs: dict[str, bytes] = {}
        self._manifests: dict[str, tuple[bytes, str]] = {}

    def image(self, name: str, tag: str = "", architecture: str = "amd64") -> str:
        """Add an image with a layer; return its digest."""
        config = json.dumps({"architecture": architecture, "name": name}).encode()
        blobs = [config, name.encode() * 3]
        self._blobs |= {digest_of(blob): blob for blob in blobs}
        described = [{"digest": digest_of(blob), "size": len(blob)} for blob in blobs]
        return self._put({"config": described[0], "layers": described[1:]}, OCI, tag)

    def index(self, tag: str, **platforms: str) -> list[str]:
        """Add an index of images for platforms such as linux/arm64; return their digests."""
        digests = [self.image(each) for each in platforms]
        named = [value.split("/") for value in platforms.values()]
        children = [
            {"digest": digest, "platform": {"os": system, "architecture": processor}}
            for digest, (system, processor) in zip(digests, named, strict=True)
        ]
        self._put({"manifests": children}, INDEX, tag)
        return digests

    def _put(self, manifest: dict[str, Any], kind: str, tag: str) -> str:
        content = json.dumps(manifest).encode()
        self._manifests[digest_of(content)] = self._manifests[tag] = content, kind
        return digest_of(content)

    def send(self, request: urllib.request.Request) -> Response:
        url, authorization = request.full_url, request.get_header("Authorization")
        self.asked.append(url)
        if self.refusals:
            raise self.refusals.pop(0)
        if url.startswith(f"https://{self._host}/token?"):
            assert authorization is None
            assert url.endswith("?service=registry&scope=pull")
            return Response(b'{"token": "for-anybody"}')
        if authorization != self._wanted:
            wanted = email.message.Message()
            realm = f"https://{self._host}/token"
            wanted["WWW-Authenticate"] = f'Bearer realm="{realm}",service="registry",scope="pull"'
            raise urllib.error.HTTPError(url, 401, "who are you", wanted, None)
        assert "Authorization" not in request.headers, "a redirect would take it along"
        kind, _, reference = url.removeprefix(f"{self._url}/").partition("/")
        if kind == "blobs":
            return ranged(request, self._blobs[reference])
        if reference not in self._manifests:
            raise status(404)
        content, media_type = self._manifests[reference]
        return Response(content, 200, **{"Content-Type": media_type})


def event(kind: str, before: str = "", image: str = NAME) -> dict[str, Any]:
    properties = {"Repository": REPOSITORY, "Image": image, "Architecture": "amd64"}
    old = {"OldResourceProperties": properties | {"Repository": before}} if before else {}
    ids = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "FirstImage"}
    url = {"ResponseURL": "https://cloudformation.example/answer?secret"}
    return {"RequestType": kind, "ResourceProperties": properties, **ids, **url, **old}


def do_seed(ecr: Ecr, asked: dict[str, Any], registry: Registry | None = None) -> str:
    def client(service: str, **options: str) -> Any:
        assert service == "ecr"
        own = options.get("region_name", ecr.region) == ecr.region
        return ecr if own else Password(options["region_name"])

    def send(request: urllib.request.Request) -> Response:
        is_of_ecr = request.full_url.startswith(("https://shop@", "https://shop/"))
        return ecr.send(request) if is_of_ecr or registry is None else registry.send(request)

    return seed(asked, SERVICE, client=client, clock=Clock(sleep=lambda _: None), send=send)


class Password:
    """ECR in another region, which gives a password."""

    def __init__(self, region: str) -> None:
        self._region = region

    def get_authorization_token(self) -> dict[str, Any]:
        token = base64.b64encode(f"AWS:{self._region}".encode()).decode()
        return {"authorizationData": [{"authorizationToken": token}]}


def test_a_new_stack_gets_the_seed() -> None:
    ecr, registry = Ecr(), Registry()
    digest = registry.image("shop", tag="1")
    do_seed(ecr, event("Create"), registry)
    assert ecr.tags["shop"] == {"live": digest}


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("before", ["", REPOSITORY, BEFORE])
def test_an_image_in_service_stays_whatever_is_asked(kind: str, before: str) -> None:
    ecr = Ecr()
    delivered = ecr.push("shop", '{"delivered": 1}', OCI, "live")
    ecr.push("shop/builds", '{"older": 1}', OCI, "live")
    do_seed(ecr, event(kind, before))
    assert ecr.tags["shop"]["live"] == delivered
    assert "PutImage" not in ecr.calls


@pytest.mark.parametrize(("kind", "before"), [("Update", REPOSITORY), ("Delete", "")])
def test_only_a_new_stack_is_seeded(kind: str, before: str) -> None:
    ecr = Ecr()
    do_seed(ecr, event(kind, before))
    assert ecr.tags["shop"] == {}


def test_a_new_repository_gets_the_image_in_service_of_the_one_before() -> None:
    ecr = Ecr()
    live = ecr.build("live", b"delivered long ago")
    do_seed(ecr, event("Update", BEFORE))
    assert ecr.tags["shop"] == {"live": live}
    assert ecr.tags["shop/builds"]["live"] == live


def test_of_an_index_the_image_for_the_processor_of_the_tasks_is_copied() -> None:
    ecr, registry = Ecr(), Registry()
    platforms = {"a": "windows/amd64", "b": "linux/arm64", "c": "linux/amd64", "d": "linux/s390x"}
    _, _, amd64, _ = registry.index("1", **platforms)
    do_seed(ecr, event("Create"), registry)
    assert ecr.tags["shop"] == {"live": amd64}
    assert ecr.manifests["shop"].keys() == {amd64}


def test_the_error_says_that_the_seed_is_for_another_processor() -> None:
    registry = Registry()
    registry.index("1", arm="linux/arm64")
    with pytest.raises(ActionError, match=f"{NAME} has no image for linux/amd64"):
        do_seed(Ecr(), event("Create"), registry)


def test_the_error_says_that_there_is_no_such_seed() -> None:
    with pytest.raises(ActionError, match=r"public\.ecr\.aws/v2/team/shop 1: HTTP Error 404"):
        do_seed(Ecr(), event("Create"), Registry())


def test_a_registry_that_refuses_for_a_while_is_asked_again() -> None:
    ecr, registry = Ecr(), Registry()
    registry.image("shop", tag="1")
    registry.refusals = [status(429), ConnectionResetError("reset")]
    do_seed(ecr, event("Create"), registry)
    assert "live" in ecr.tags["shop"]


def test_a_private_registry_of_ecr_gets_a_password_of_its_region() -> None:
    host = "210987654321.dkr.ecr.eu-north-1.amazonaws.com"
    password = base64.b64encode(b"AWS:eu-north-1").decode()
    ecr, registry = Ecr(), Registry(f"{host}/v2/team/shop", password)
    digest = registry.image("shop", tag="1")
    do_seed(ecr, event("Create", image=f"{host}/team/shop:1"), registry)
    assert ecr.tags["shop"] == {"live": digest}


def test_the_name_of_a_registry_may_have_a_port() -> None:
    ecr, registry = Ecr(), Registry("registry.example:5000/v2/shop")
    registry.image("shop", tag="1")
    do_seed(ecr, event("Create", image="registry.example:5000/shop:1"), registry)
    assert "live" in ecr.tags["shop"]


def test_a_digest_in_the_name_is_what_is_copied() -> None:
    ecr, registry = Ecr(), Registry()
    pinned, _ = registry.image("first"), registry.image("second", tag="1")
    do_seed(ecr, event("Create", image=f"{NAME}@{pinned}"), registry)
    assert ecr.tags["shop"] == {"live": pinned}


# --- The answer to CloudFormation -----------------------------------------------------------------


def answered(outcome: str | Exception, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer that CloudFormation gets, at the second attempt to send it."""
    sent: list[urllib.request.Request] = []

    def action() -> str:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def send(request: urllib.request.Request) -> Response:
        sent.append(request)
        if len(sent) == 1:
            raise status(503)
        return Response(b"")

    answer(asked, action, clock=Clock(sleep=lambda _: None), send=send)
    (request,) = set(sent)
    assert (request.full_url, request.get_method()) == (asked["ResponseURL"], "PUT")
    assert request.get_header("Content-type") == "", "the address is signed for this one"
    assert isinstance(request.data, bytes)
    assert len(request.data) < 4096
    body: dict[str, Any] = json.loads(request.data)
    return body


def test_a_success_keeps_the_id_of_the_resource() -> None:
    created = answered("done", event("Create"))
    assert (created["Status"], created["PhysicalResourceId"]) == ("SUCCESS", "FirstImage")
    assert (created["StackId"], created["RequestId"]) == ("stack", "request")
    updated = answered("done", event("Update") | {"PhysicalResourceId": "FirstImage"})
    assert updated["PhysicalResourceId"] == "FirstImage"


@pytest.mark.parametrize("error", [ActionError("why" * 3000), KeyError("why")])
def test_a_failure_is_answered_with_its_reason_and_without_the_address(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    body = answered(error, event("Create"))
    assert body["Status"] == "FAILED"
    assert "why" in body["Reason"]
    said = capsys.readouterr()
    assert "why" in said.out
    assert "secret" not in said.out + said.err


def test_lambda_runs_a_copy_again_that_has_no_time_left() -> None:
    with pytest.raises(OutOfTimeError):
        answered(OutOfTimeError(), event("Create"))
