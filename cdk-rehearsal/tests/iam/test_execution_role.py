"""CloudFormation changes resources with its role, and needs the permissions of their handlers."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cdk_rehearsal import Access
from support.functions import allow, document
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]
SERVICE = {"Service": "cloudformation.amazonaws.com"}
TOPIC = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "Orders"}}}
CHANGED = {"Topic": {**TOPIC["Topic"], "Properties": {"DisplayName": "Returns"}}}


@pytest.fixture
def deployed(client: Client, role: Callable[..., str]) -> Callable[..., Stacks]:
    """Return stacks that CloudFormation changes with a role that has these statements."""

    class WithRole:
        def __init__(self, arn: str) -> None:
            self._arn = arn

        def __getattr__(self, name: str) -> Any:
            operation = getattr(client("cloudformation"), name)
            if name in ("create_stack", "update_stack", "delete_stack"):
                return lambda **given: operation(**given, RoleARN=self._arn)
            return operation

    return lambda *statements: Stacks(WithRole(role(SERVICE, *statements)))


def test_a_role_with_the_permissions_of_the_handlers_makes_changes_and_deletes(
    deployed: Callable[..., Stacks], access: Access
) -> None:
    on = "arn:aws:sns:eu-west-1:111122223333:allowed-*"
    stacks = deployed({**allow("sns:*"), "Resource": on})
    stacks.deploy("allowed", TOPIC)
    patterns = _patterns(access, "allowed")
    assert patterns["sns:CreateTopic", "create"] == on
    # The template makes no update, but a later one may.
    assert patterns["sns:SetTopicAttributes", "update"] == on
    stacks.deploy("allowed", CHANGED)
    stacks.delete("allowed")
    assert _patterns(access, "allowed")["sns:DeleteTopic", "delete"] == on


def _patterns(access: Access, stack: str) -> dict[tuple[str, str], str]:
    return {
        (each["action"], use["operation"]): each["pattern"]
        for each in access.demands()["demands"]
        for use in each["uses"]
        if use["stack"] == stack
    }


def test_each_operation_fails_with_the_permission_that_its_handler_lacks(
    deployed: Callable[..., Stacks], client: Client, role: Callable[..., str], access: Access
) -> None:
    reads = allow("sns:Get*", "sns:List*", "sns:TagResource")
    with pytest.raises(StackFailedError) as failed:
        deployed(reads).deploy("refused", TOPIC)
    assert "AWSCloudFormation is not authorized to perform: sns:CreateTopic on" in str(failed.value)
    assert "HandlerErrorCode: AccessDenied" in str(failed.value)
    refused = {(each["action"], each["resource"]) for each in access.ledger()["refusals"]}
    assert ("sns:CreateTopic", "arn:aws:sns:eu-west-1:111122223333:refused-Topic-*") in refused
    own = deployed(reads, allow("sns:CreateTopic"))
    own.deploy("stays", TOPIC)
    with pytest.raises(StackFailedError, match="perform: sns:SetTopicAttributes on"):
        own.deploy("stays", CHANGED)
    with pytest.raises(StackFailedError, match="perform: sns:DeleteTopic on"):
        own.delete("stays")
    client("cloudformation").delete_stack(StackName="stays", RoleARN=role(SERVICE, allow("*")))


def test_a_role_is_handed_over_only_to_the_service_that_may_have_it(
    deployed: Callable[..., Stacks], role: Callable[..., str]
) -> None:
    task = role({"Service": "ecs-tasks.amazonaws.com"})
    definition = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": "handed",
            "TaskRoleArn": task,
            "ContainerDefinitions": [{"Name": "app", "Image": "image", "Memory": 128}],
        },
    }

    def passing(service: str) -> Stacks:
        pass_role = allow("iam:PassRole", StringEquals={"iam:PassedToService": service})
        return deployed(allow("ecs:*", "iam:GetRole"), pass_role)

    with pytest.raises(StackFailedError, match=f"perform: iam:PassRole on resource: {task}"):
        passing("lambda.amazonaws.com").deploy("handing", {"Definition": definition})
    stacks = passing("ecs-tasks.amazonaws.com")
    stacks.deploy("handed", {"Definition": definition})
    stacks.delete_all()


def test_roles_may_have_to_be_made_with_a_boundary(
    deployed: Callable[..., Stacks], client: Client
) -> None:
    made = client("iam").create_policy(
        PolicyName="boundary", PolicyDocument=json.dumps(document(allow("s3:GetObject")))
    )
    boundary = made["Policy"]["Arn"]
    bounded = allow("iam:CreateRole", StringEquals={"iam:PermissionsBoundary": boundary})
    rest = allow("iam:Get*", "iam:List*", "iam:*Tag*", "iam:DeleteRole", "iam:PutRolePermissions*")
    stacks = deployed(bounded, rest, allow("iam:DeleteRolePermissionsBoundary"))
    trust = {"Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}
    properties = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    role = {"Type": "AWS::IAM::Role", "Properties": properties}
    with pytest.raises(StackFailedError, match="perform: iam:CreateRole on"):
        stacks.deploy("unbounded", {"Role": role})
    within = {**role, "Properties": {**properties, "PermissionsBoundary": boundary}}
    stacks.deploy("bounded", {"Role": within})
    stacks.delete_all()


def test_functions_and_references_of_a_template_need_permissions(
    deployed: Callable[..., Stacks], client: Client, access: Access
) -> None:
    client("ssm").put_parameter(Name="/shop/name", Value="Orders", Type="String")
    name = {"DisplayName": "{{resolve:ssm:/shop/name}}"}
    stacks = deployed(allow("sns:*"))
    with pytest.raises(StackFailedError, match=r"perform: ssm:GetParameters on .*parameter/shop"):
        stacks.deploy("refers", {"Topic": {**TOPIC["Topic"], "Properties": name}})
    token = {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "s"}}
    joined = ["{{resolve:secretsmanager:", {"Ref": "Token"}, ":SecretString}}"]
    named = {"DisplayName": {"Fn::Join": ["", joined]}}
    joining = deployed(allow("sns:*", "secretsmanager:*Secret", "secretsmanager:*Tag*"))
    with pytest.raises(StackFailedError, match=r"perform: secretsmanager:GetSecretValue on .*Tok"):
        joining.deploy("joins", {"Token": token, "Topic": {**TOPIC["Topic"], "Properties": named}})
    zone = {"Fn::Select": [0, {"Fn::GetAZs": ""}]}
    subnet = {"CidrBlock": "172.31.200.0/24", "VpcId": "vpc-00000001", "AvailabilityZone": zone}
    with pytest.raises(StackFailedError, match=r"ec2:CreateSubnet on .*:vpc/vpc-0"):
        stacks.deploy("zones", {"Subnet": {"Type": "AWS::EC2::Subnet", "Properties": subnet}})
    refused = {each["action"] for each in access.ledger()["refusals"]}
    assert {"ec2:DescribeAvailabilityZones", "ec2:DescribeAccountAttributes"} <= refused
    client("ssm").delete_parameter(Name="/shop/name")


def test_a_deletion_may_be_limited_to_what_has_the_tag_of_the_stack(
    deployed: Callable[..., Stacks],
) -> None:
    def deleting(stack: str) -> Stacks:
        of_stack = {"aws:ResourceTag/aws:cloudformation:stack-name": stack}
        delete = allow("ec2:DeleteSecurityGroup", StringEquals=of_stack)
        make = ("ec2:Create*", "ec2:Describe*", "ec2:Authorize*", "ec2:Revoke*")
        return deployed(allow(*make), delete)

    properties = {"GroupDescription": "Tried"}
    group = {"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}}
    other = deleting("other")
    other.deploy("tagged", group)
    with pytest.raises(StackFailedError, match="perform: ec2:DeleteSecurityGroup on"):
        other.delete("tagged")
    own = deleting("tagged-too")
    own.deploy("tagged-too", group)
    own.delete("tagged-too")


def test_a_log_group_without_a_name_gets_one_that_begins_with_the_stack(
    stacks: Stacks, client: Client
) -> None:
    stacks.deploy("unnamed", {"Log": {"Type": "AWS::Logs::LogGroup"}})
    (resource,) = client("cloudformation").list_stack_resources(StackName="unnamed")[
        "StackResourceSummaries"
    ]
    assert resource["PhysicalResourceId"].startswith("unnamed-Log-")


def test_a_condition_may_join_the_members_of_a_list(client: Client, stacks: Stacks) -> None:
    joined = {"Fn::Join": ["", {"Ref": "Policies"}]}
    stacks.deploy(
        "joined",
        {**TOPIC, "Topic": {**TOPIC["Topic"], "Condition": "Some"}, "Always": TOPIC["Topic"]},
        Parameters={"Policies": {"Type": "CommaDelimitedList", "Default": ""}},
        Conditions={"Some": {"Fn::Not": [{"Fn::Equals": ["", joined]}]}},
    )
    made = client("cloudformation").list_stack_resources(StackName="joined")
    logical_ids = [each["LogicalResourceId"] for each in made["StackResourceSummaries"]]
    assert logical_ids == ["Always"]
