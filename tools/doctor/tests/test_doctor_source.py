"""The doctor about the secret with the token, connections, and the secrets of containers."""

import json

import pytest

from settings.examples import REGION
from tools.doctor.github import GitHub
from tools.doctor.tests.account_under_test import TOKEN, TOKEN_SECRET, AccountUnderTest

pytestmark = pytest.mark.slow

CONNECTION = {"ConnectionName": "github", "ProviderType": "GitHub"}


def test_a_token_that_is_no_plain_text(ready_account: AccountUnderTest) -> None:
    text = json.dumps({"token": TOKEN})
    ready_account.client("secretsmanager").put_secret_value(
        SecretId=TOKEN_SECRET, SecretString=text
    )
    problem = ready_account.examine().only_problem
    assert problem.startswith(
        f"GitHub token: the secret {TOKEN_SECRET} is JSON, not the token as plain text"
        " -> aws secretsmanager put-secret-value"
    )


def test_github_is_asked_only_when_that_is_wished(ready_account: AccountUnderTest) -> None:
    nobody = GitHub("http://127.0.0.1:9")
    assert "GitHub is not asked" in ready_account.examine(github=nobody).lines("not checked")[0]
    report = ready_account.examine("--github", github=nobody)
    assert report.code == 0
    assert "GitHub does not answer" in report.lines("not checked")[0]


def test_no_token(ready_account: AccountUnderTest) -> None:
    ready_account.client("secretsmanager").delete_secret(
        SecretId=TOKEN_SECRET, ForceDeleteWithoutRecovery=True
    )
    assert "there is no secret ecs-github-token" in ready_account.examine().only_problem


def test_a_token_marked_for_deletion(ready_account: AccountUnderTest) -> None:
    ready_account.client("secretsmanager").delete_secret(SecretId=TOKEN_SECRET)
    assert "restore-secret --secret-id ecs-github-token" in ready_account.examine().only_problem


def test_a_connection(ready_account: AccountUnderTest) -> None:
    client = ready_account.client("codeconnections")
    done = [{"Key": "handshake", "Value": "done"}]
    arn = client.create_connection(**CONNECTION, Tags=done)["ConnectionArn"]
    report = ready_account.examine(connection_arn=arn)
    assert report.problems == report.lines("not checked") == []
    old = arn.replace("codeconnections", "codestar-connections")
    assert ready_account.examine(connection_arn=old).problems == []


def test_a_pending_connection(ready_account: AccountUnderTest) -> None:
    arn = ready_account.client("codeconnections").create_connection(**CONNECTION)["ConnectionArn"]
    assert ready_account.examine(connection_arn=arn).only_problem.startswith(
        "GitHub connection: is PENDING -> finish it in the console"
    )


def test_no_connection(ready_account: AccountUnderTest) -> None:
    client = ready_account.client("codeconnections")
    arn = client.create_connection(**CONNECTION)["ConnectionArn"]
    client.delete_connection(ConnectionArn=arn)
    assert "there is no such connection" in ready_account.examine(connection_arn=arn).only_problem


def test_secrets_of_the_container(ready_account: AccountUnderTest) -> None:
    arn = ready_account.client("secretsmanager").create_secret(Name="shop/db", SecretString="x")[
        "ARN"
    ]
    ready_account.client("ssm").put_parameter(Name="/shop/key", Value="x", Type="SecureString")
    account = arn.split(":")[4]
    parameter = f"arn:aws:ssm:{REGION}:{account}:parameter/shop/key"
    both = f"DB={arn}:password::,KEY={parameter}"
    assert ready_account.examine(container_secrets=both).problems == []
    ready_account.client("secretsmanager").delete_secret(SecretId=arn)
    ready_account.client("ssm").delete_parameter(Name="/shop/key")
    first, second = ready_account.examine(container_secrets=both).problems
    assert first.startswith(f"secret of DB: there is no {arn}")
    assert second.startswith(f"secret of KEY: there is no {parameter}")


def test_secrets_of_the_build(ready_account: AccountUnderTest) -> None:
    arn = ready_account.client("secretsmanager").create_secret(Name="npm", SecretString="x")["ARN"]
    assert ready_account.examine(build_secrets=f"NPM_TOKEN={arn}").problems == []
    ready_account.client("secretsmanager").delete_secret(SecretId=arn)
    problem = ready_account.examine(build_secrets=f"NPM_TOKEN={arn}").only_problem
    assert problem.startswith(f"secret of NPM_TOKEN: there is no {arn}")
    assert problem.endswith("correct build_secrets")


def test_policies_of_the_task_role(ready_account: AccountUnderTest) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = ready_account.client("iam")
    arn = iam.create_policy(PolicyName="orders", PolicyDocument=document)["Policy"]["Arn"]
    assert " ok           policy orders " in ready_account.examine(task_role_policy_arns=arn).text
    iam.delete_policy(PolicyArn=arn)
    assert ready_account.examine(task_role_policy_arns=arn).only_problem.startswith(
        f"policy orders: there is no {arn}"
    )
