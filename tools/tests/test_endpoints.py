"""Which services of a policy tasks without NAT cannot call."""

import pytest

from settings.endpoints import start_task_services
from settings.examples import REGION
from tools.endpoints import unreachable_services


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        ({"sqs:SendMessage", "sqs:ReceiveMessage"}, {"sqs": ("sqs",)}),
        ({"SNS:Publish", "dynamodb:*"}, {"dynamodb": ("dynamodb",), "sns": ("sns",)}),
        ({"cloudwatch:PutMetricData"}, {"cloudwatch": ("monitoring",)}),
        ({"states:StartExecution"}, {"states": ("states", "sync-states")}),
        ({"route53:ListHostedZones"}, {"route53": ()}),
        ({"s3:GetObject", "logs:PutLogEvents", "ecr:BatchGetImage"}, {}),
        ({"rds-db:connect", "elasticfilesystem:ClientMount", "iam:PassRole"}, {}),
        ({"*", "*:*"}, {}),
    ],
)
def test_services_without_a_way(actions: set[str], found: dict[str, tuple[str, ...]]) -> None:
    assert unreachable_services(actions, start_task_services(REGION)) == found


def test_one_of_several_endpoints_is_enough() -> None:
    assert unreachable_services({"states:StartExecution"}, frozenset({"sync-states"})) == {}
