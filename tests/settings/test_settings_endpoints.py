"""VPC endpoints: those that a task needs to start, and those of the services of IAM."""

import pytest

from settings.endpoints import ENDPOINTS, ENDPOINTS_BY_PREFIX, start_task_services
from settings.examples import REGION


def test_a_task_needs_images_and_logs_to_start() -> None:
    assert start_task_services(REGION) == {"ecr.api", "ecr.dkr", "logs", "s3"}


@pytest.mark.parametrize("region", ["mx-central-1", "ap-southeast-7", "ca-west-1"])
def test_in_regions_opened_after_2023_a_task_needs_ecs_too(region: str) -> None:
    more = start_task_services(region) - start_task_services(REGION)
    assert more == {"ecs", "ecs-agent", "ecs-telemetry"}


def test_each_prefix_leads_to_endpoints_that_exist() -> None:
    for prefix, names in ENDPOINTS_BY_PREFIX.items():
        assert ENDPOINTS.issuperset(names), prefix
