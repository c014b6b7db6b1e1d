"""Deliveries that begin with an image: what is read, refused, copied, and shown to approvers."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from backend_service.release.action import ActionError, Clock
from backend_service.release.function import act
from backend_service.release.receiving import receive
from backend_service.release.releasing import release
from settings.examples import PROMOTED
from tests.backend_service.fake_ecr import OTHER, SERVICE, TARGET, Ecr
from tests.synthesis import Synthesis, synthesise

STACK = "BackendServiceStack"
URI = "210987654321.dkr.ecr.eu-north-1.amazonaws.com/shop/builds"
SESSION = "-".join(("of", "the", "action"))
PRODUCTION = replace(SERVICE, builds=URI)


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
    variables = received(ecr, digest=digest, commit="0a1b2c3d4e", origin="https://ci/runs/7")
    tag = f"0a1b2c3d-{digest[7:19]}"
    assert variables == {
        "image": f"{URI}:{tag}@{digest}",
        "commit": "0a1b2c3d4e",
        "origin": "https://ci/runs/7",
    }
    outcome = release(
        variables["image"],
        PRODUCTION,
        client=lambda service, **options: (
            ecr.client(service, **options) if service == "ecr" else Alarms()
        ),
        put=lambda _: None,
        clock=Clock(),
        unfinished={},
        send=ecr.send,
    )
    assert outcome.variables == {"image": f"{SERVICE.repository}@{digest}"}
    assert ecr.tags["shop"] == {tag: digest}


class Alarms:
    """No alarm is on."""

    def describe_alarms(self, **_: Any) -> dict[str, Any]:
        return {"MetricAlarms": []}


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "digest"),
        ({"commit": "0a1b2c3d"}, "digest"),
        ({"digest": "latest"}, "digest"),
        ({"digest": OTHER}, "there is no image"),
        ({"digest": OTHER, "commit": "0a1b, approved by all"}, "commit"),
        ({"digest": OTHER, "origin": "https://ci/1 (approved)"}, "origin"),
    ],
)
def test_anything_but_an_image_that_exists_is_refused_before_the_approval(
    ecr: Ecr, sent: dict[str, str], said: str
) -> None:
    with pytest.raises(ActionError, match=said):
        received(ecr, **sent)


@pytest.mark.parametrize("text", [b"", b"1", b"[1]", b"\xff"])
def test_anything_but_an_object_of_json_is_quoted(ecr: Ecr, text: bytes) -> None:
    with pytest.raises(ActionError, match="expected JSON"):
        receive(text, PRODUCTION, client=ecr.client)


def test_what_the_sender_does_not_say_is_unknown(ecr: Ecr) -> None:
    variables = received(ecr, digest=ecr.build("x-1", b"layer"))
    assert (variables["commit"], variables["origin"]) == ("unknown", "unknown")


def test_the_object_is_read_with_the_rights_of_the_action() -> None:
    asked: dict[str, dict[str, str]] = {}

    class S3:
        def get_object(self, **where: str) -> dict[str, Any]:
            assert where == TARGET
            return {"Body": io.BytesIO(b"nothing")}

    def client(service: str, **options: str) -> Any:
        asked[service] = options
        return S3()

    with pytest.raises(ActionError, match="expected JSON"):
        act(job("receive"), PRODUCTION, client=client, clock=Clock())
    assert asked["s3"]["aws_session_token"] == SESSION


def job(parameters: str) -> dict[str, Any]:
    where = {"bucketName": TARGET["Bucket"], "objectKey": TARGET["Key"]}
    return {
        "actionConfiguration": {"configuration": {"UserParameters": parameters}},
        "inputArtifacts": [{"location": {"s3Location": where}}],
        "outputArtifacts": [],
        "artifactCredentials": {
            "accessKeyId": "",
            "secretAccessKey": "",
            "sessionToken": SESSION,
        },
    }


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


def test_the_function_pulls_from_that_repository_and_no_longer_from_the_builds(
    synthesis: Synthesis,
) -> None:
    (function,) = (
        resource["Properties"]
        for resource in synthesis.resources(STACK, "AWS::Lambda::Function").values()
        if str(resource["Properties"].get("Description")).startswith("Copies")
    )
    pulls = [
        statement["Resource"]
        for statement in synthesis.granted(STACK, function["Role"])
        if statement["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        and "Condition" not in statement
    ]
    assert pulls == [PROMOTED["image_source_repository_arn"]]
    uri = str(function["Environment"]["Variables"]["BUILDS"])
    assert "210987654321.dkr.ecr.eu-north-1." in uri


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
