"""Users and roles need permission for every call, in every service and on every path."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal import LocalAws
from cdk_rehearsal.access import Access
from support.functions import allow, document, refused

ACCOUNT = "111122223333"
REGION = "eu-west-1"

pytestmark = pytest.mark.slow


QUESTIONS = json.loads(Path(__file__).with_name("call_questions.json").read_text("utf-8"))
"""Calls of a user with these statements, and what the judge says if it refuses them."""


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["about"])
def test_a_call_is_allowed_or_refused_for_a_reason(
    user: Callable[..., Access], question: dict[str, Any]
) -> None:
    service = user(*question["policy"]).client(question["service"])
    with refused(*question["said"]) if "said" in question else nullcontext():
        getattr(service, question["operation"])(**question["parameters"])


def test_a_role_may_be_passed_to_the_service_that_the_condition_names(
    user: Callable[..., Access], role: Callable[..., str]
) -> None:
    arn = role({"Service": "ecs-tasks.amazonaws.com"})
    to_tasks = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    passing = allow("iam:PassRole", on=arn, StringEquals=to_tasks)
    container = {"name": "c", "image": "i", "memory": 64}
    user(allow("ecs:RegisterTaskDefinition"), passing).client("ecs").register_task_definition(
        family="f", containerDefinitions=[container], executionRoleArn=arn
    )


def test_only_callers_that_the_trust_policy_names_assume_a_role(
    local_aws: LocalAws, user: Callable[..., Access], role: Callable[..., str]
) -> None:
    root = local_aws.access
    for_codebuild = role({"Service": "codebuild.amazonaws.com"}, allow("ecs:ListClusters"))
    root.role(for_codebuild, service="codebuild.amazonaws.com").client("ecs").list_clusters()
    for service in ("lambda.amazonaws.com", ""):
        with refused("sts:AssumeRole"):
            root.role(for_codebuild, service=service)
    with refused("sts:AssumeRole"):
        user(allow("sts:AssumeRole")).role(for_codebuild)
    # Only root may act in the name of a service.
    with refused("sts:AssumeRole"):
        user(allow("sts:AssumeRole")).role(for_codebuild, service="codebuild.amazonaws.com")
    # A trust policy that names the account leaves the decision to the policies of the caller.
    for_account = role({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    with refused("sts:AssumeRole", for_account):
        user(allow("sts:AssumeRole", on=for_codebuild)).role(for_account)
    user(allow("sts:AssumeRole", on=for_account)).role(for_account)
    # A caller that it names needs no policy of its own.
    for_role = role({"AWS": for_codebuild})
    build = root.role(for_codebuild, service="codebuild.amazonaws.com")
    assert "assumed-role" in build.role(for_role).client("sts").get_caller_identity()["Arn"]


def test_a_permissions_boundary_limits_a_role(
    local_aws: LocalAws, client: Callable[[str], Any], role: Callable[..., str]
) -> None:
    iam = client("iam")
    policy = json.dumps(document(allow("ecs:ListClusters")))
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=policy)["Policy"]
    arn = role(
        {"Service": "lambda.amazonaws.com"}, allow("ecs:*"), PermissionsBoundary=boundary["Arn"]
    )
    limited = local_aws.access.role(arn, service="lambda.amazonaws.com").client("ecs")
    limited.list_clusters()
    with refused("ecs:ListTaskDefinitions", "permissions boundary"):
        limited.list_task_definitions()


def test_the_policy_of_a_resource_refuses_and_allows(
    client: Callable[[str], Any], user: Callable[..., Access]
) -> None:
    sqs, reader = client("sqs"), user(allow("sqs:ReceiveMessage"))
    queue = {"QueueUrl": sqs.create_queue(QueueName="judged")["QueueUrl"]}
    reader.client("sqs").receive_message(**queue)
    arn = reader.client("sts").get_caller_identity()["Arn"]
    deny = allow("sqs:ReceiveMessage") | {"Effect": "Deny", "Principal": "*"}
    grant = allow("sqs:PurgeQueue") | {"Principal": {"AWS": arn}}
    sqs.set_queue_attributes(**queue, Attributes={"Policy": json.dumps(document(deny, grant))})
    with refused("sqs:ReceiveMessage", "explicit deny in a resource-based policy"):
        reader.client("sqs").receive_message(**queue)
    reader.client("sqs").purge_queue(**queue)
    with refused("sqs:DeleteQueue"):
        reader.client("sqs").delete_queue(**queue)
    sqs.delete_queue(**queue)


def test_the_ledger_lists_which_statement_allowed_each_call(
    local_aws: LocalAws, user: Callable[..., Access]
) -> None:
    caller = user(allow("ecs:List*"), allow("ecs:ListClusters"))
    caller.client("ecs").list_clusters()
    with refused("ecs:ListTaskDefinitions"):
        user(allow("ecs:Describe*")).client("ecs").list_task_definitions()
    arn = caller.client("sts").get_caller_identity()["Arn"]

    ledger = local_aws.access.ledger()
    uses = {
        (use["granted"], use["action"], use["alone"])
        for use in ledger["uses"]
        if use["principal"] == arn.rpartition("/")[2]
    }
    assert uses == {
        ("ecs:ListClusters", "ecs:ListClusters", False),
        ("ecs:List*", "ecs:ListClusters", False),
    }
    assert "ecs:ListTaskDefinitions" in [each["action"] for each in ledger["refusals"]]
