"""Each thing that the doctor finds in an account before a deploy of both stacks."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from settings.examples import ACCOUNT, REGION
from tools.doctor.__main__ import main
from tools.doctor.account import MOST_ROLES_OF_CORE, MOST_ROLES_OF_SERVICE
from tools.doctor.check import Verdict
from tools.doctor.rights import policy
from tools.doctor.tests.account_under_test import (
    TOKEN_SECRET,
    VERSION_PARAMETER,
    AccountUnderTest,
)
from tools.rehearsal.scenarios.shared_core import another_service

pytestmark = pytest.mark.slow

Change = Callable[[AccountUnderTest], Mapping[str, str] | None]
"""Breaks something in the account, and returns settings that are then about it."""


def deploy_network(account: AccountUnderTest) -> None:
    vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
    zones = {"AvailabilityZones": {"Value": f"{REGION}a,{REGION}c"}}
    body = json.dumps({"Resources": {"Vpc": vpc}, "Outputs": zones})
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName="CoreInfraStack", TemplateBody=body)
    while "IN_PROGRESS" in cloudformation.list_stacks()["StackSummaries"][0]["StackStatus"]:
        time.sleep(0.02)


def lose_bootstrap(account: AccountUnderTest) -> None:
    account.client("ssm").delete_parameter(Name=VERSION_PARAMETER)


def lose_token(account: AccountUnderTest) -> None:
    account.client("secretsmanager").delete_secret(
        SecretId=TOKEN_SECRET, ForceDeleteWithoutRecovery=True
    )


def connection(account: AccountUnderTest, **parameters: Any) -> str:
    made = account.client("codeconnections").create_connection(
        ConnectionName="github", ProviderType="GitHub", **parameters
    )
    return str(made["ConnectionArn"])


def leave_connection_pending(account: AccountUnderTest) -> Mapping[str, str]:
    return {"connection_arn": connection(account)}


SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/db-AbCdEf"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/key"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/orders"
RAISE = "aws service-quotas request-service-quota-increase --service-code"


def settings(**changes: str) -> Change:
    return lambda _: changes


@pytest.mark.parametrize(
    ("about", "change", "found"),
    [
        (
            "credentials",
            settings(account_number="999999999999"),
            f'are of account {ACCOUNT}, but account_number="999999999999" -> set AWS_PROFILE',
        ),
        ("region", settings(aws_region="eu-south-9"), "AWS knows no region eu-south-9"),
        ("CDK bootstrap", lose_bootstrap, f"missing -> npx cdk bootstrap aws://{ACCOUNT}/{REGION}"),
        (
            "availability zones",
            settings(availability_zones=f"{REGION}a,{REGION}b,{REGION}f"),
            f'no {REGION}f -> set availability_zones="{REGION}a,{REGION}b,{REGION}c"',
        ),
        ("availability zones", settings(az_count="4"), 'az_count is 4 -> set az_count="3"'),
        (
            "availability zones",
            deploy_network,
            f'{REGION}b,{REGION}c -> set availability_zones="{REGION}a,{REGION}c,{REGION}b"',
        ),
        (
            "quota of Fargate vCPUs",
            settings(task_cpu="1024", task_memory="2048"),
            f"10 tasks need 10 of 6 -> {RAISE} fargate --quota-code L-3032A538 --desired-value 10",
        ),
        ("GitHub token", lose_token, f"create-secret --name {TOKEN_SECRET}"),
        ("GitHub connection", leave_connection_pending, "is PENDING -> finish it in the console"),
        (
            "secret of DB",
            settings(container_secrets=f"DB={SECRET}:password::"),
            "create it, or correct container_secrets",
        ),
        ("secret of KEY", settings(container_secrets=f"KEY={PARAMETER}"), f"no {PARAMETER}"),
        ("policy orders", settings(task_role_policy_arns=POLICY), f"there is no {POLICY}"),
        ("secret of NPM", settings(build_secrets=f"NPM={SECRET}"), "correct build_secrets"),
    ],
)
def test_a_finding(account: AccountUnderTest, about: str, change: Change, found: str) -> None:
    changes = change(account) or {}
    assert found in account.problem(about, **changes)


def test_a_zone_without_fargate(account: AccountUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.doctor.network._ZONES_WITHOUT_FARGATE", {"euw1-az1"})
    assert account.problem("availability zones", az_count="2") == (
        f"Fargate does not serve {REGION}a (euw1-az1)"
        f' -> set availability_zones="{REGION}b,{REGION}c"'
    )


def test_what_is_named_and_exists_is_no_problem(account: AccountUnderTest) -> None:
    arn = account.client("secretsmanager").create_secret(Name="shop/db", SecretString="x")["ARN"]
    account.client("ssm").put_parameter(Name="/shop/key", Value="x", Type="SecureString")
    available = connection(account, Tags=[{"Key": "handshake", "Value": "done"}])
    database = account.ask("secret of DB", container_secrets=f"DB={arn}:password::")
    key = account.ask("secret of KEY", container_secrets=f"KEY={PARAMETER}")
    npm = account.ask("secret of NPM", build_secrets=f"NPM={arn}")
    github = account.ask("GitHub connection", connection_arn=available)
    account.client("iam").create_policy(PolicyName="orders", PolicyDocument=policy())
    orders = account.ask("policy orders", task_role_policy_arns=POLICY)
    assert orders.line == "exists"
    assert {database.line, key.line, npm.line, github.line} == {"exists", "is AVAILABLE"}


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        (["sns:Publish", "s3:GetObject"], "through VPC endpoints"),
        (["sns:Publish", "sqs:*"], "no way to sqs -> if they call it: add sqs to vpc_endpoint_se"),
        (["iam:GetRole"], "no way to iam -> if they call it: use a NAT gateway for iam"),
        (["*"], "a policy allows all actions, and so it names no services"),
    ],
)
def test_services_of_the_task_role_without_nat(
    account: AccountUnderTest, actions: list[str], found: str
) -> None:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    account.client("iam").create_policy(PolicyName="orders", PolicyDocument=document)
    isolated = {"enable_nat_gw": "False", "vpc_endpoint_services": "sns"}
    about, policies = "egress of the private subnets", {"task_role_policy_arns": POLICY}
    result = account.ask(about, isolated, **another_service("Orders", "orders"), **policies)
    assert result.verdict is not Verdict.PROBLEM
    assert found in result.line


def test_room_for_the_roles_of_all_stacks_that_are_not_there(
    account: AccountUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = [another_service(f"S{number}", f"service-{number}") for number in range(3)]
    room = account.ask("quota of roles", {}, *fleet[:2], **fleet[2])
    services = 4 * MOST_ROLES_OF_SERVICE
    assert f"up to {services + MOST_ROLES_OF_CORE} more are needed" in room.line
    monkeypatch.setattr("tools.doctor.account.MOST_ROLES_OF_SERVICE", 1001)
    deploy_network(account)
    found = account.problem("quota of roles")
    assert f"up to 1001 more are needed -> {RAISE} iam --quota-code L-FE177D64" in found
    assert found.endswith(" --region us-east-1")


@pytest.mark.usefixtures("account")
def test_without_env_a_ready_account_has_no_problem_with_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    printed = capsys.readouterr()
    assert "the settings of the sample" in printed.err
    assert printed.out.startswith(f"sample.env: account {ACCOUNT}, {REGION}\n")
    assert "(GITHUB=1 asks GitHub about it)" in printed.out
    assert printed.out.splitlines()[-1].startswith("no problems, ")
    assert "not checked" not in printed.out
