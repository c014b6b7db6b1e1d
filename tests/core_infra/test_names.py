"""Names of the core stack, and the AWS services that a task needs to start."""

import pytest

from core_infra.names import exec_log_group_name, start_task_services
from settings.examples import REGION
from settings.names import namespace_name


def test_users_type_these_names() -> None:
    assert exec_log_group_name("shops") == "/ecs-exec/shops"
    assert namespace_name("jobs", "shops") == "jobs.shops.local"


def test_a_task_needs_images_and_logs_to_start() -> None:
    assert start_task_services(REGION) == {"ecr.api", "ecr.dkr", "logs"}


@pytest.mark.parametrize("region", ["mx-central-1", "ap-southeast-7", "ca-west-1"])
def test_in_regions_opened_after_2023_a_task_needs_ecs_too(region: str) -> None:
    more = start_task_services(region) - start_task_services(REGION)
    assert more == {"ecs", "ecs-agent", "ecs-telemetry"}
