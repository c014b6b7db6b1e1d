"""All permissions of every role of both stacks.

``<construct>`` stands for a reference to a resource; ``*`` is a wildcard of IAM.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from settings.examples import ACCOUNT, PROMOTED, REGION
from tests.synthesis import (
    CONNECTED,
    ISOLATED,
    SECRET,
    Synthesis,
    synthesise,
)

BUILD_SECRET = SECRET.replace("shop/db", "npm")
BASE_IMAGES = "arn:aws:ecr:eu-north-1:210987654321:repository/base/python"
RICHEST = {
    **ISOLATED,
    **CONNECTED,
    "build_secrets": f"NPM_TOKEN={BUILD_SECRET}:token::",
    "base_image_repository_arns": BASE_IMAGES,
}
"""Secrets with a key, a build secret, base images, ECS Exec, a connection, an approval, and
notifications."""

SETTINGS = {"default": {}, "richest": RICHEST, "promoted": PROMOTED}

FOR_THIS_ACCOUNT = {
    "Network/Vpc/AllTraffic/IAMRole",
    "Task/Definition/TaskRole",
    "ImageBuild/Role",
}
"""AWS's pages of these roles show a condition. Those of the other roles (CodePipeline, Lambda, the
execution role) show none, and the roles of actions trust the role of the pipeline."""

TRUSTED = {
    "vpc-flow-logs": {"Network/Vpc/AllTraffic/IAMRole"},
    "ecs-tasks": {"TaskExecutionRole", "Task/ExecutionRole", "Task/Definition/TaskRole"},
    "codebuild": {"ImageBuild/Role"},
    "codepipeline": {"Delivery/Role"},
    "lambda": {
        "ReleaseFunction/Role",
        "Delivery/Deploy/FunctionRole",
        "Custom::VpcRestrictDefaultSGCustomResourceProvider/Role",
        "Custom::S3AutoDeleteObjectsCustomResourceProvider/Role",
    },
}
"""The roles that a service can assume. The role of the pipeline can assume all others."""


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Names:
    """The constructs of an assembly by logical id, and the values of exports by name."""

    def __init__(self, synthesis: Synthesis) -> None:
        self._paths = {
            str(entry.data): re.sub(r"^/[^/]+/|/Resource$", "", entry.path)
            for stack in synthesis.assembly.stacks
            for entry in stack.find_metadata_by_type("aws:cdk:logicalId")
        }
        self._exports = {
            output["Export"]["Name"]: output["Value"]
            for template in synthesis.templates.values()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def path(self, logical_id: str) -> str:
        return self._paths[logical_id]

    def text(self, value: Any) -> str:
        """Return a value of a template, with constructs in place of references."""
        if isinstance(value, str):
            return value
        ((function, argument),) = value.items()
        if function == "Ref":
            return f"<{self.path(argument)}>"
        if function == "Fn::GetAtt":
            of, attribute = argument
            return f"<{self.path(of)}>" + ("" if attribute == "Arn" else f".{attribute}")
        if function == "Fn::Join":
            return str(argument[0].join(self.text(part) for part in argument[1]))
        if function == "Fn::ImportValue":
            return self.text(self._exports[argument])
        # The name of a role, taken out of its ARN.
        assert function in {"Fn::Select", "Fn::Split"}, function
        return self.text(argument[1])


def statements(synthesis: Synthesis, names: Names) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each statement of each role, the role's construct first."""
    for template in synthesis.templates.values():
        for key, resource in template["Resources"].items():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::IAM::Role":
                for policy in properties.get("Policies", []):
                    for statement in policy["PolicyDocument"]["Statement"]:
                        yield names.path(key), statement
            elif resource["Type"] == "AWS::IAM::Policy":
                for role in properties["Roles"]:
                    for statement in properties["PolicyDocument"]["Statement"]:
                        yield names.text(role).strip("<>"), statement


@cache
def rights(synthesis: Synthesis) -> dict[str, dict[str, set[str]]]:
    """Return what each role may do on what; a role with a managed policy is left out."""
    names = Names(synthesis)
    found: dict[str, dict[str, set[str]]] = {
        names.path(key): defaultdict(set)
        for template in synthesis.templates.values()
        for key, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
        and "ManagedPolicyArns" not in resource["Properties"]
    }
    for role, statement in statements(synthesis, names):
        assert statement["Effect"] == "Allow"
        for resource in many(statement["Resource"]):
            found[role][names.text(resource)] |= set(many(statement["Action"]))
    return found


@pytest.mark.parametrize("topology", SETTINGS)
def test_each_role_may_do_what_was_reviewed_and_nothing_else(
    topology: str, snapshot: SnapshotAssertion
) -> None:
    """``make snapshots`` accepts the current permissions after an intended change."""
    found = {
        role: {resource: sorted(actions) for resource, actions in on.items()}
        for role, on in rights(synthesise(**SETTINGS[topology])).items()
    }
    assert found == snapshot.use_extension(JSONSnapshotExtension)


def test_no_role_both_starts_tasks_and_puts_images() -> None:
    roles = rights(synthesise(**PROMOTED)).values()
    may = [set[str]().union(*on.values()) for on in roles]
    (starts,) = (actions for actions in may if "ecs:RunTask" in actions)
    assert not any(action.startswith("ecr:") for action in starts)
    for actions in (actions for actions in may if "ecr:PutImage" in actions):
        assert not actions & {"iam:PassRole", "ecs:RegisterTaskDefinition"}


def test_only_actions_that_name_no_resource_are_allowed_on_everything() -> None:
    path = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"
    services = json.loads(path.read_text(encoding="utf-8"))
    roles = rights(synthesise(**RICHEST)).values()
    allowed = {action for role in roles for action in role.get("*", ())}
    with_resources = {
        each
        for each in allowed
        for service, _, action in [each.lower().partition(":")]
        if "Resources" in services[service]["Actions"][action]
    }
    # Fargate has no container instance, and a condition confines the first action to the cluster.
    # AWS's policy for the deploy action has "*" for the second.
    assert with_resources == {"ecs:ListTasks", "ecs:RegisterTaskDefinition"}


@pytest.mark.parametrize("topology", SETTINGS)
def test_the_artifact_bucket_lets_in_its_cleaner_by_single_actions(topology: str) -> None:
    """cdk-nag does not look at the policy of a bucket."""
    policy = synthesise(**SETTINGS[topology]).only("BackendServiceStack", "AWS::S3::BucketPolicy")
    (allowing,) = (
        statement
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    )
    assert "S3AutoDeleteObjects" in allowing["Principal"]["AWS"]["Fn::GetAtt"][0]
    assert allowing["Action"] == [
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetBucketPolicy",
        "s3:GetBucketTagging",
        "s3:ListBucketVersions",
        "s3:PutBucketPolicy",
    ]


@pytest.mark.parametrize("topology", SETTINGS)
def test_roles_are_passed_to_ecs_only_and_listing_stays_in_the_cluster(topology: str) -> None:
    synthesis = synthesise(**SETTINGS[topology])
    names = Names(synthesis)
    conditions: dict[str, Any] = {
        action: statement.get("Condition")
        for _, statement in statements(synthesis, names)
        for action in many(statement["Action"])
        if action in {"iam:PassRole", "ecs:TagResource"}
    }
    passed = conditions["iam:PassRole"]
    assert passed == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert conditions["ecs:TagResource"] == {
        "StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}
    }
    clusters = {
        names.text(statement["Condition"]["ArnEquals"]["ecs:cluster"])
        for _, statement in statements(synthesis, names)
        if {"ecs:ListTasks", "ecs:RunTask"} & set(many(statement["Action"]))
    }
    assert clusters == {f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/ecs-blueprint-infra"}


@pytest.mark.parametrize("topology", SETTINGS)
def test_one_principal_can_assume_a_role_and_three_of_them_for_this_account_only(
    topology: str,
) -> None:
    synthesis = synthesise(**SETTINGS[topology])
    names = Names(synthesis)
    trust = {
        names.path(key): resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for template in synthesis.templates.values()
        for key, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    services = {role: f"{name}.amazonaws.com" for name, of in TRUSTED.items() for role in of}
    for role in rights(synthesis):
        (statement,) = trust[role]
        ((kind, principal),) = statement["Principal"].items()
        by_service = role in services
        assert kind == ("Service" if by_service else "AWS")
        assert names.text(principal) == (services[role] if by_service else "<Delivery/Role>")
        own = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        assert statement.get("Condition") == (own if role in FOR_THIS_ACCOUNT else None)


def test_the_token_secret_is_read_by_no_role() -> None:
    """CloudFormation reads it at deploy, with the rights of the user who deploys."""
    synthesis = synthesise()
    source = synthesis.only("BackendServiceStack", "AWS::CodePipeline::Pipeline")["Stages"][0]
    token = source["Actions"][0]["Configuration"]["OAuthToken"]
    assert token.startswith("{{resolve:secretsmanager:ecs-github-token:")
    readers = {
        role
        for role, on in rights(synthesis).items()
        for actions in on.values()
        if any(action.startswith("secretsmanager:") for action in actions)
    }
    assert readers == set()
