"""Which services of a policy tasks without NAT cannot call."""

import pytest

from settings.endpoints import start_task_services
from settings.examples import REGION
from tools.endpoints import unreachable_services


@pytest.mark.parametrize(
    ("action", "found"),
    [
        ("SNS:Publish", {"sns": ("sns",)}),
        ("dynamodb:*", {"dynamodb": ("dynamodb",)}),
        ("states:StartExecution", {"states": ("states", "sync-states")}),
        ("route53:ListHostedZones", {"route53": ()}),
        ("s3:GetObject", {}),
        ("ecr:BatchGetImage", {}),
        ("rds-db:connect", {}),
        ("iam:PassRole", {}),
        ("*", {}),
    ],
)
def test_services_without_a_way(action: str, found: dict[str, tuple[str, ...]]) -> None:
    assert unreachable_services({action}, start_task_services(REGION)) == found
