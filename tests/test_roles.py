"""All permissions of every role of both stacks.

``<construct>`` stands for a reference to a resource; ``*`` is a wildcard of IAM.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from settings.examples import ACCOUNT
from tests.synthesis import (
    CONNECTED,
    CONNECTION,
    ISOLATED,
    KEY,
    PARAMETER,
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

Rights = Mapping[str, set[str]]
"""Actions by resource."""

AWS = "arn:aws:{}:eu-west-1:123456789012"
BUCKET, OBJECTS = "<Delivery/Artifacts/Bucket>", "<Delivery/Artifacts/Bucket>/*"
REPOSITORY = "<Repositories/Released>"
BUILDS = "<Repositories/Builds>"
FULL_NAME = "ecs-blueprint-infra-ecsdemo-backend"
SERVICE = f"{AWS.format('ecs')}:service/ecs-blueprint-infra/ecsdemo-backend"
REVISIONS = f"{AWS.format('ecs')}:task-definition/{FULL_NAME}:*"
ALARM = f"{AWS.format('cloudwatch')}:alarm:{FULL_NAME}"
RELEASE = "<ReleaseFunction/Function>"
SESSION_LOG = f"{AWS.format('logs')}:log-group:<Cluster/ExecuteCommandLogGroup>:*"

LOOK_AT_BUCKET = {"s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"}
MOVE_ARTIFACTS = {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}
GET_OBJECTS = {"s3:GetObject", "s3:GetObjectVersion"}
PULL = {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
PUSH = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
}
LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
SIGN_IN = {"ecr:GetAuthorizationToken"}
SESSIONS = {
    f"ssmmessages:{verb}{channel}Channel"
    for verb in ("Create", "Open")
    for channel in ("Control", "Data")
}

ALWAYS: Mapping[str, Rights] = {
    "Network/Vpc/AllTraffic/IAMRole": {
        "<Network/FlowLogGroup>": LOG | {"logs:DescribeLogStreams"},
    },
    "Custom::VpcRestrictDefaultSGCustomResourceProvider/Role": {
        f"{AWS.format('ec2')}:security-group/<Network/Vpc>.DefaultSecurityGroup": {
            f"ec2:{verb}SecurityGroup{direction}"
            for verb in ("Authorize", "Revoke")
            for direction in ("Ingress", "Egress")
        },
        "<HelperFunctionLogs/VpcRestrictDefaultSGCustomResourceProvider>": LOG,
    },
    # It empties the bucket, whose own policy allows this.
    "Custom::S3AutoDeleteObjectsCustomResourceProvider/Role": {
        "<HelperFunctionLogs/S3AutoDeleteObjectsCustomResourceProvider>": LOG,
    },
    "SeedImage/Role": {
        REPOSITORY: PUSH,
        "<SeedImage/LogGroup>": LOG,
        "*": SIGN_IN | {"ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"},
    },
    # The role of the core has no permission until a service names it.
    "TaskExecutionRole": {},
    "Task/ExecutionRole": {
        # AWS's policy for ECS has the first action, its policy for pulling has not.
        REPOSITORY: {"ecr:BatchCheckLayerAvailability"} | PULL,
        "<Task/LogGroup>": LOG,
        "*": SIGN_IN,
    },
    # The program in the container has no permission unless task_role_policy_arns gives it one.
    "Task/Definition/TaskRole": {},
    "ImageBuild/Role": {
        BUILDS: PUSH,
        # For the layer cache. A role that may push here could move the live tag.
        REPOSITORY: PULL,
        "<ImageBuild/LogGroup>": LOG,
        "*": SIGN_IN,
        # It may write nothing: the approver sees the variable that the build has exported.
        BUCKET: {"s3:GetBucketAcl", "s3:GetBucketLocation"},
        OBJECTS: GET_OBJECTS,
    },
    "Delivery/Role": {
        BUCKET: LOOK_AT_BUCKET,
        OBJECTS: MOVE_ARTIFACTS,
    },
    "Delivery/Pipeline/Build/Build/CodePipelineActionRole": {
        f"{AWS.format('codebuild')}:project/<ImageBuild/Project>": {
            "codebuild:BatchGetBuilds",
            "codebuild:StartBuild",
            "codebuild:StopBuild",
        },
    },
    "Delivery/Deploy/RolloutRole": {
        OBJECTS: GET_OBJECTS,
        SERVICE: {"ecs:DescribeServices", "ecs:UpdateService"},
        REVISIONS: {"ecs:TagResource"},
        f"{AWS.format('ecs')}:task/<Cluster/Cluster>/*": {"ecs:DescribeTasks"},
        # The first has no resource-level permissions, a condition confines the second to the
        # cluster, and sources disagree about the third.
        "*": {"ecs:DescribeTaskDefinition", "ecs:ListTasks", "ecs:RegisterTaskDefinition"},
        "<Task/Definition/TaskRole>": {"iam:PassRole"},
        "<Task/ExecutionRole>": {"iam:PassRole"},
    },
    # The function gets the credentials of this role with its job.
    "Delivery/Deploy/ReleaseRole": {
        RELEASE: {"lambda:InvokeFunction"},
        OBJECTS: {"s3:PutObject"},
    },
    "Delivery/Deploy/PromotionRole": {RELEASE: {"lambda:InvokeFunction"}},
    "ReleaseFunction/Role": {
        BUILDS: {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
        REPOSITORY: PUSH,
        SERVICE: {"ecs:DescribeServices"},
        **{
            f"{ALARM}-{kind}": {"cloudwatch:DescribeAlarms"}
            for kind in ("cpu", "memory", "log-errors")
        },
        "<ReleaseFunction/LogGroup>": LOG,
        # These actions have no resource-level permissions.
        "*": {
            "codepipeline:PutJobFailureResult",
            "codepipeline:PutJobSuccessResult",
            "ecs:DescribeTaskDefinition",
        },
    },
}
APPROVE_ROLE = "Delivery/Pipeline/Approve/Approve/CodePipelineActionRole"
IN_THE_RICHEST: Mapping[str, Rights] = {
    **ALWAYS,
    "Task/ExecutionRole": {
        **ALWAYS["Task/ExecutionRole"],
        SECRET: {"secretsmanager:GetSecretValue"},
        PARAMETER: {"ssm:GetParameters"},
        KEY: {"kms:Decrypt"},
    },
    "Task/Definition/TaskRole": {
        "*": SESSIONS | {"logs:DescribeLogGroups"},
        SESSION_LOG: LOG | {"logs:DescribeLogStreams"},
    },
    "ImageBuild/Role": {
        **ALWAYS["ImageBuild/Role"],
        BUILD_SECRET: {"secretsmanager:GetSecretValue"},
        BASE_IMAGES: PULL,
    },
    "Delivery/Source/Role": {
        BUCKET: LOOK_AT_BUCKET,
        OBJECTS: MOVE_ARTIFACTS | {"s3:PutObjectAcl"},
        CONNECTION: {"codeconnections:UseConnection", "codestar-connections:UseConnection"},
    },
    APPROVE_ROLE: {
        "<Notifications/Topic>": {"sns:Publish"},
        "<Notifications/Key>": {"kms:Decrypt", "kms:GenerateDataKey*"},
    },
}
EXPECTED = {"default": ({}, ALWAYS), "richest": (RICHEST, IN_THE_RICHEST)}
ONE_ROLE = [(topology, role) for topology, (_, roles) in EXPECTED.items() for role in roles]


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
        *("SeedImage/Role", "ReleaseFunction/Role"),
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
    """Return what each role may do on what."""
    names = Names(synthesis)
    found: dict[str, dict[str, set[str]]] = {
        names.path(key): defaultdict(set)
        for template in synthesis.templates.values()
        for key, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    for role, statement in statements(synthesis, names):
        assert statement["Effect"] == "Allow"
        for resource in many(statement["Resource"]):
            found[role][names.text(resource)] |= set(many(statement["Action"]))
    return found


@pytest.mark.parametrize("topology", EXPECTED)
def test_these_are_all_roles(topology: str) -> None:
    changes, roles = EXPECTED[topology]
    assert rights(synthesise(**changes)).keys() == roles.keys()


@pytest.mark.parametrize(("topology", "role"), ONE_ROLE)
def test_the_role_may_do_this_and_nothing_else(topology: str, role: str) -> None:
    changes, roles = EXPECTED[topology]
    assert rights(synthesise(**changes))[role] == roles[role]


@pytest.mark.parametrize("topology", EXPECTED)
def test_roles_are_passed_to_ecs_only_and_listing_stays_in_the_cluster(topology: str) -> None:
    changes, _ = EXPECTED[topology]
    synthesis = synthesise(**changes)
    names = Names(synthesis)
    conditions: dict[str, Any] = {
        action: statement.get("Condition")
        for _, statement in statements(synthesis, names)
        for action in many(statement["Action"])
        if action in {"iam:PassRole", "ecs:ListTasks", "ecs:TagResource"}
    }
    passed, listed = conditions["iam:PassRole"], conditions["ecs:ListTasks"]
    assert passed == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert conditions["ecs:TagResource"] == {
        "StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}
    }
    assert names.text(listed["ArnEquals"]["ecs:cluster"]) == "<Cluster/Cluster>"


@pytest.mark.parametrize("topology", EXPECTED)
def test_one_principal_can_assume_a_role_and_three_of_them_for_this_account_only(
    topology: str,
) -> None:
    changes, roles = EXPECTED[topology]
    synthesis = synthesise(**changes)
    names = Names(synthesis)
    trust = {
        names.path(key): resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for template in synthesis.templates.values()
        for key, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    services = {role: f"{name}.amazonaws.com" for name, of in TRUSTED.items() for role in of}
    for role in roles:
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
