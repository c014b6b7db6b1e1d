"""Wildcards and trust in the policies of every topology.

The permissions of each role are in test_roles.py.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from tests.synthesis import TOPOLOGIES, Synthesis, synthesise

# Actions without resource-level permissions: only "*" allows them.
WITHOUT_RESOURCES = {
    "ecr:GetAuthorizationToken": "signs in to ECR; pull and push are separate rights",
    "ecr-public:GetAuthorizationToken": "signs in to the public registry of the seed image",
    "sts:GetServiceBearerToken": "also needed to sign in to the public registry",
    "ecs:DescribeTaskDefinition": "the deploy action copies the running task definition",
    "codepipeline:PutJobFailureResult": "the release function answers for a job, known by its id",
    "codepipeline:PutJobSuccessResult": "the release function answers for a job, known by its id",
    "logs:DescribeLogGroups": "ECS Exec looks for the log group of its sessions",
    "ssmmessages:CreateControlChannel": "ECS Exec, if it is switched on",
    "ssmmessages:CreateDataChannel": "ECS Exec, if it is switched on",
    "ssmmessages:OpenControlChannel": "ECS Exec, if it is switched on",
    "ssmmessages:OpenDataChannel": "ECS Exec, if it is switched on",
}
# Actions whose resource Fargate does not have; a condition confines them.
WITH_CONDITION = {
    "ecs:ListTasks": "authorised on container instances; ecs:cluster confines it to the cluster",
}
# Sources disagree whether these actions need "*". The reason is above the statement.
IN_DOUBT = {
    "ecs:RegisterTaskDefinition": 'AWS\'s policy for the deploy action has "*"; iam:PassRole and '
    "ecs:UpdateService confine the rollout",
}


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(synthesis: Synthesis) -> Iterator[dict[str, Any]]:
    """Yield every statement of a role's policies."""
    for template in synthesis.templates.values():
        for resource in template["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::IAM::Policy":
                yield from properties["PolicyDocument"]["Statement"]
            if resource["Type"] == "AWS::IAM::Role":
                for policy in properties.get("Policies", []):
                    yield from policy["PolicyDocument"]["Statement"]


@pytest.fixture(scope="module")
def known_actions() -> dict[str, Any]:
    """The actions of AWS, with the resources that they are authorised on."""
    path = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"
    services = json.loads(path.read_text(encoding="utf-8"))
    return {
        f"{service}:{action}": specification
        for service, of_service in services.items()
        for action, specification in of_service["Actions"].items()
    }


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_wildcard_resource_has_a_reason(topology: str) -> None:
    for statement in statements(synthesise(**TOPOLOGIES[topology])):
        if "*" in many(statement["Resource"]):
            for action in many(statement["Action"]):
                conditional = action in WITH_CONDITION and "Condition" in statement
                assert action in WITHOUT_RESOURCES | IN_DOUBT or conditional, statement


def test_every_reason_is_needed() -> None:
    used = {
        action
        for changes in TOPOLOGIES.values()
        for statement in statements(synthesise(**changes))
        if "*" in many(statement["Resource"])
        for action in many(statement["Action"])
    }
    assert used == WITHOUT_RESOURCES.keys() | WITH_CONDITION.keys() | IN_DOUBT.keys()


@pytest.mark.parametrize("action", WITHOUT_RESOURCES)
def test_no_resource_could_be_named_instead(action: str, known_actions: dict[str, Any]) -> None:
    assert "Resources" not in known_actions[action.lower()]


@pytest.mark.parametrize("action", WITH_CONDITION)
def test_the_condition_stands_in_for_a_resource(action: str, known_actions: dict[str, Any]) -> None:
    assert known_actions[action.lower()]["Resources"] == ["container-instance"]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_artifact_bucket_lets_in_its_cleaner_by_single_actions(topology: str) -> None:
    """cdk-nag does not look at the policy of a bucket."""
    resources = synthesise(**TOPOLOGIES[topology]).resources(
        "BackendServiceStack", "AWS::S3::BucketPolicy"
    )
    (policy,) = resources.values()
    allowing = [
        statement
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert [statement["Action"] for statement in allowing] == [
        [
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:GetBucketPolicy",
            "s3:GetBucketTagging",
            "s3:ListBucketVersions",
            "s3:PutBucketPolicy",
        ]
    ]
    (principal,) = (statement["Principal"] for statement in allowing)
    assert "S3AutoDeleteObjects" in principal["AWS"]["Fn::GetAtt"][0]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_managed_policy_is_attached(topology: str) -> None:
    for template in synthesise(**TOPOLOGIES[topology]).templates.values():
        for key, resource in template["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                assert "ManagedPolicyArns" not in resource["Properties"], key


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_role_can_be_taken_by_anybody(topology: str) -> None:
    for template in synthesise(**TOPOLOGIES[topology]).templates.values():
        for key, resource in template["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                document = resource["Properties"]["AssumeRolePolicyDocument"]
                for statement in document["Statement"]:
                    assert "*" not in str(statement["Principal"]), key
