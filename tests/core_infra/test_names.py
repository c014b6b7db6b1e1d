"""What the core stack is known by, without CDK."""

import pytest

from core_infra.names import exec_log_group_name, start_task_services
from settings.examples import REGION
from settings.names import CoreOutput, namespace_name
from tests.synthesis import ISOLATED, synthesise

CORE = "CoreInfraStack"
CLUSTER = "ecs-blueprint-infra"


def test_the_names_that_people_type_stay() -> None:
    assert exec_log_group_name("shops") == "/ecs-exec/shops"
    assert namespace_name("jobs", "shops") == "jobs.shops.local"


def test_namespaces_of_the_stack_are_called_so() -> None:
    namespaces = synthesise(**ISOLATED).templates[CORE]["Outputs"][CoreOutput.NAMESPACE_NAMES]
    labels = ISOLATED["namespaces"].split(",")
    assert namespaces["Value"].split(",") == [namespace_name(n, CLUSTER) for n in labels]


def test_images_and_logs_are_what_a_task_needs_to_start() -> None:
    assert start_task_services(REGION) == {"ecr.api", "ecr.dkr", "logs"}


@pytest.mark.parametrize("region", ["mx-central-1", "ap-southeast-7", "ca-west-1"])
def test_in_regions_opened_after_2023_it_needs_ecs_itself_too(region: str) -> None:
    more = start_task_services(region) - start_task_services(REGION)
    assert more == {"ecs", "ecs-agent", "ecs-telemetry"}


def test_a_region_that_is_not_known_yet_gets_what_every_region_needs() -> None:
    assert start_task_services(None) == start_task_services(REGION)
