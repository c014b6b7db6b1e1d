"""Deliveries that begin with an image: what is read, refused, copied, and shown to approvers."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from backend_service.release.action import ActionError, Clock
from backend_service.release.receiving import receive
from backend_service.release.releasing import release
from settings.examples import PROMOTED
from tests.backend_service.fake_ecr import OTHER, SERVICE, Ecr
from tests.synthesis import Synthesis, synthesise

STACK = "BackendServiceStack"
URI = "210987654321.dkr.ecr.eu-north-1.amazonaws.com/shop/builds"
PRODUCTION = replace(SERVICE, builds=URI)
NO_ALARMS = SimpleNamespace(describe_alarms=lambda **_: {"MetricAlarms": []})


@pytest.fixture
def ecr() -> Ecr:
    """Two repositories, of which the one for builds is in another account and region."""
    registry = Ecr()
    registry.account, registry.region = "210987654321", "eu-north-1"
    return registry


@pytest.fixture(scope="module")
def synthesis() -> Synthesis:
    return synthesise(**PROMOTED)


def received(ecr: Ecr, **sent: object) -> dict[str, str]:
    outcome = receive(json.dumps(sent).encode(), PRODUCTION, client=ecr.client, send=ecr.send)
    return dict(outcome.variables or {})


def test_an_image_of_another_account_and_region_is_released_by_its_digest(ecr: Ecr) -> None:
    digest = ecr.build("v1.2", b"layer")
    variables = received(ecr, digest=digest, commit="0a1b2c3d4e", origin=None)
    image = variables.pop("image")
    assert variables == {"commit": "0a1b2c3d4e", "origin": "unknown"}
    outcome = release(
        image,
        PRODUCTION,
        client=lambda service, **where: (
            ecr.client(service, **where) if service == "ecr" else NO_ALARMS
        ),
        put=lambda _: None,
        clock=Clock(),
        unfinished={},
        send=ecr.send,
    )
    assert outcome.variables == {"image": f"{SERVICE.repository}@{digest}"}
    assert ecr.tags["shop"] == {f"0a1b2c3d-{digest[7:19]}": digest}


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "digest"),
        ({"digest": "latest"}, "digest"),
        ({"digest": None}, "digest"),
        ({"digest": OTHER}, "there is no image"),
        ({"digest": OTHER, "commit": "0a1b, approved by all"}, "commit"),
        ({"digest": OTHER, "commit": 12345678}, "commit is 12345678; expected text"),
        ({"digest": OTHER, "origin": "https://ci/1 (approved)"}, "origin"),
    ],
)
def test_anything_but_an_image_that_exists_is_refused_before_the_approval(
    ecr: Ecr, sent: dict[str, object], said: str
) -> None:
    with pytest.raises(ActionError, match=said):
        received(ecr, **sent)


@pytest.mark.parametrize("text", [b"", b"1", b"[1]", b"\xff"])
def test_anything_but_an_object_of_json_is_quoted(ecr: Ecr, text: bytes) -> None:
    with pytest.raises(ActionError, match="expected JSON"):
        receive(text, PRODUCTION, client=ecr.client)


def test_there_is_no_build_and_the_approver_sees_image_commit_and_origin(
    synthesis: Synthesis,
) -> None:
    stages = synthesis.only(STACK, "AWS::CodePipeline::Pipeline")["Stages"]
    assert [stage["Name"] for stage in stages] == ["Source", "Image", "Approve", "Deploy"]
    assert not synthesis.resources(STACK, "AWS::CodeBuild::Project")
    assert not synthesis.resources(STACK, "AWS::CodePipeline::Webhook")
    assert stages[2]["Actions"][0]["Configuration"]["CustomData"] == (
        "Releases #{Image.image} (its sender says: commit #{Image.commit}, from #{Image.origin})"
    )
    release_action = stages[3]["Actions"][0]
    assert release_action["Configuration"]["UserParameters"] == "release #{Image.image}"


def test_the_named_accounts_may_pull_released_images_and_do_nothing_else(
    synthesis: Synthesis,
) -> None:
    policies = {
        resource["Properties"]["RepositoryName"]: resource["Properties"].get("RepositoryPolicyText")
        for resource in synthesis.resources(STACK, "AWS::ECR::Repository").values()
    }
    assert policies.pop("ecsdemo-backend/builds") is None
    ((statement,),) = (policy["Statement"] for policy in policies.values())
    assert statement["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert "210987654321:root" in str(statement["Principal"])
