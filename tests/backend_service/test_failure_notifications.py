"""Which events call somebody, and what the mail says."""

from typing import Any

import pytest

from rehearsal.sample_settings import ACCOUNT, REGION
from tests.synthesis import CONNECTED, synthesise

SERVICE = "BackendServiceStack"
NAME = "ecs-blueprint-infra-ecsdemo-backend"


def rules() -> dict[str, dict[str, Any]]:
    """Return the rules by the service that they listen to."""
    found = synthesise(**CONNECTED).resources(SERVICE, "AWS::Events::Rule").values()
    return {rule["Properties"]["EventPattern"]["source"][0]: rule["Properties"] for rule in found}


def test_a_failed_delivery_of_this_pipeline() -> None:
    pipeline = synthesise(**CONNECTED).only(SERVICE, "AWS::CodePipeline::Pipeline")
    assert rules()["aws.codepipeline"]["EventPattern"] == {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Pipeline Execution State Change"],
        "detail": {"pipeline": [pipeline["Name"]], "state": ["FAILED"]},
    }


def test_a_failed_deployment_of_this_service() -> None:
    assert rules()["aws.ecs"]["EventPattern"] == {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Deployment State Change"],
        "resources": [
            f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/ecs-blueprint-infra/ecsdemo-backend"
        ],
        "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
    }


def test_critical_or_high_findings_in_an_image_of_this_repository() -> None:
    repository = synthesise(**CONNECTED).only(SERVICE, "AWS::ECR::Repository")
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert rules()["aws.ecr"]["EventPattern"]["detail"] == {
        "repository-name": [repository["RepositoryName"]],
        "scan-status": ["COMPLETE"],
        "finding-severity-counts": {
            "$or": [{"CRITICAL": [{"numeric": [">", 0]}]}, {"HIGH": [{"numeric": [">", 0]}]}]
        },
    }


def test_nothing_else() -> None:
    assert rules().keys() == {"aws.codepipeline", "aws.ecs", "aws.ecr"}


@pytest.mark.parametrize("source", ["aws.codepipeline", "aws.ecs", "aws.ecr"])
def test_the_mail_is_a_sentence_to_the_topic(source: str) -> None:
    (topic,) = synthesise(**CONNECTED).resources(SERVICE, "AWS::SNS::Topic")
    (target,) = rules()[source]["Targets"]
    assert target["Arn"] == {"Ref": topic}
    message = target["InputTransformer"]["InputTemplate"]
    assert message.startswith('"')
    assert "ecsdemo-backend" in message


def test_the_mail_of_a_failed_delivery_leads_to_the_pipeline() -> None:
    (target,) = rules()["aws.codepipeline"]["Targets"]
    assert f"/pipelines/{NAME}/view" in target["InputTransformer"]["InputTemplate"]
