"""VPC endpoints: what a task needs to start, and which services of a policy it cannot call."""

import json

import pytest

from settings.endpoints import ENDPOINTS, start_task_services, unreachable_services
from settings.examples import REGION
from tests.repository import ROOT


def test_a_task_needs_images_and_logs_to_start() -> None:
    assert start_task_services(REGION) == {"ecr.api", "ecr.dkr", "logs", "s3"}


@pytest.mark.parametrize("region", ["mx-central-1", "ap-southeast-7", "ca-west-1"])
def test_in_regions_opened_after_2023_a_task_needs_ecs_too(region: str) -> None:
    more = start_task_services(region) - start_task_services(REGION)
    assert more == {"ecs", "ecs-agent", "ecs-telemetry"}


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        ({"sqs:SendMessage", "sqs:ReceiveMessage"}, {"sqs": ("sqs",)}),
        ({"dynamodb:*"}, {"dynamodb": ("dynamodb",)}),
        ({"cloudwatch:PutMetricData"}, {"cloudwatch": ("monitoring",)}),
        ({"SNS:Publish"}, {"sns": ("sns",)}),
        ({"states:StartExecution"}, {"states": ("states", "sync-states")}),
        ({"route53:ListHostedZones"}, {"route53": ()}),
        ({"s3:GetObject", "logs:PutLogEvents", "ecr:BatchGetImage"}, {}),
        ({"rds-db:connect", "elasticfilesystem:ClientMount", "iam:PassRole"}, {}),
        ({"*", "*:*"}, {}),
    ],
)
def test_services_of_a_policy_that_have_no_way_out(
    actions: set[str], found: dict[str, tuple[str, ...]]
) -> None:
    assert unreachable_services(actions, start_task_services(REGION)) == found


@pytest.mark.parametrize("endpoint", ["states", "sync-states"])
def test_one_of_several_endpoints_of_a_service_is_enough(endpoint: str) -> None:
    assert unreachable_services({"states:StartSyncExecution"}, {endpoint}) == {}


def test_each_prefix_leads_to_endpoints_that_exist() -> None:
    known = json.loads((ROOT / "settings" / "endpoints.json").read_text(encoding="utf-8"))
    for prefix, names in known["endpoints_by_prefix"].items():
        assert set(names) <= ENDPOINTS, prefix
