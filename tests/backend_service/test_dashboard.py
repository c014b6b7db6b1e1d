"""The widgets of the dashboard."""

import json
from typing import Any

import pytest

from tests.synthesis import TOPOLOGIES, synthesise

SERVICE = "BackendServiceStack"


def dashboard(**changes: str) -> dict[str, Any]:
    """Return the body of the dashboard, with references replaced by their targets."""
    parts = synthesise(**changes).only(SERVICE, "AWS::CloudWatch::Dashboard")["DashboardBody"]
    text = "".join(p if isinstance(p, str) else str(p).strip("{}") for p in parts["Fn::Join"][1])
    body: dict[str, Any] = json.loads(text.replace("'Ref': ", "").replace("'Fn::GetAtt': ", ""))
    return body


def widgets(**changes: str) -> dict[str, dict[str, Any]]:
    """Return the widgets by title, in their order."""
    found = dashboard(**changes)["widgets"]
    return {w["properties"].get("title", "links").partition(" (")[0]: w for w in found}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_all_alarms_are_shown(topology: str) -> None:
    changes = TOPOLOGIES[topology]
    shown = widgets(**changes)["Alarms"]["properties"]["alarms"]
    assert len(shown) == len(synthesise(**changes).resources(SERVICE, "AWS::CloudWatch::Alarm"))


@pytest.mark.parametrize("title", ["CPU", "Memory"])
def test_the_graph_shows_the_threshold_of_the_alarm(title: str) -> None:
    (line,) = widgets()[title]["properties"]["annotations"]["horizontal"]
    assert line["value"] == 90


def test_without_an_alarm_the_graph_shows_no_threshold() -> None:
    annotations = widgets(cpu_target_percent="")["CPU"]["properties"].get("annotations", {})
    assert annotations.get("horizontal", []) == []


def test_links_lead_to_the_service_and_its_pipeline() -> None:
    markdown = widgets()["links"]["properties"]["markdown"]
    assert "/clusters/ecs-blueprint-infra/services/ecsdemo-backend" in markdown
    assert "/pipelines/ecs-blueprint-infra-ecsdemo-backend/view" in markdown


def test_errors_are_read_from_the_log_of_the_service() -> None:
    container = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    log_group = container["LogConfiguration"]["Options"]["awslogs-group"]["Ref"]
    assert log_group in widgets()["Newest errors"]["properties"]["query"]
