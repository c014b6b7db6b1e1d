"""The alarms of a service."""

import json
import logging
import re
import sys
from importlib import import_module
from typing import Any

import pytest

from backend_service.alarms import alarm_percent
from backend_service.names import alarm_kinds
from settings.examples import example_deployment
from tests.synthesis import CONNECTED, synthesise

SERVICE = "BackendServiceStack"
ALARM = "AWS::CloudWatch::Alarm"
NAME = "ecs-blueprint-infra-ecsdemo-backend"
JsonFormatter = import_module("ecsdemo_backend.json_logs").JsonFormatter  # of the sample service
OF_SERVICE = [
    {"Name": "ClusterName", "Value": "ecs-blueprint-infra"},
    {"Name": "ServiceName", "Value": "ecsdemo-backend"},
]


def alarms(**changes: str) -> dict[str, dict[str, Any]]:
    """Return the alarms by name, without the name of the service."""
    found = synthesise(**changes).resources(SERVICE, ALARM).values()
    return {a["Properties"]["AlarmName"].removeprefix(f"{NAME}-"): a["Properties"] for a in found}


def goes_off(alarm: dict[str, Any], minutes: list[float]) -> bool:
    """Tell whether CloudWatch would raise the alarm after these points, one a minute."""
    window = alarm["EvaluationPeriods"]
    return any(
        sum(point > alarm["Threshold"] for point in minutes[start : start + window])
        >= alarm["DatapointsToAlarm"]
        for start in range(len(minutes) - window + 1)
    )


@pytest.mark.parametrize(
    ("name", "metric"), [("cpu", "CPUUtilization"), ("memory", "MemoryUtilization")]
)
def test_cpu_and_memory_are_those_that_ecs_reports_each_minute(name: str, metric: str) -> None:
    alarm = alarms()[name]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/ECS", metric)
    assert (alarm["Statistic"], alarm["Period"]) == ("Average", 60)
    assert sorted(alarm["Dimensions"], key=str) == OF_SERVICE


@pytest.mark.parametrize("name", ["cpu", "memory"])
def test_a_short_spike_at_the_start_raises_no_alarm(name: str) -> None:
    quiet, spike = [20.0] * 5, [100.0] * 4
    assert not goes_off(alarms()[name], quiet + spike + quiet)


@pytest.mark.parametrize("name", ["cpu", "memory"])
def test_a_version_that_stays_busy_raises_the_alarm(name: str) -> None:
    assert goes_off(alarms()[name], [20.0, *[95.0] * 5])


@pytest.mark.parametrize(("target", "percent"), [(10, 90), (80, 90), (92, 96), (95, 97), (99, 99)])
def test_an_alarm_begins_at_90_percent_or_above_a_higher_target(target: int, percent: int) -> None:
    assert alarm_percent(target) == percent


def test_a_steady_state_at_the_target_raises_no_alarm() -> None:
    alarm = alarms(memory_target_percent="95")["memory"]
    assert not goes_off(alarm, [95.0] * 60)
    assert goes_off(alarm, [98.0] * 5)
    assert "above 97 % for 5 minutes" in alarm["AlarmDescription"]


@pytest.mark.parametrize(
    ("key", "kind"), [("cpu_target_percent", "cpu"), ("memory_target_percent", "memory")]
)
def test_without_a_target_no_alarm_watches_the_metric(key: str, kind: str) -> None:
    """An alarm that is always on would switch off the others in every deployment."""
    changes = {key: ""}
    everything = {"cpu", "memory", "log-errors", "missing-tasks"}
    assert set(alarms(**changes)) == everything - {kind}
    (settings,) = example_deployment(changes)
    assert set(alarm_kinds(settings.service)) == everything - {kind}
    service = synthesise(**changes).only(SERVICE, "AWS::ECS::Service")
    listed = set(service["DeploymentConfiguration"]["Alarms"]["AlarmNames"])
    assert listed == {f"{NAME}-{each}" for each in everything - {kind, "missing-tasks"}}


def test_errors_at_the_start_raise_no_alarm() -> None:
    alarm = alarms()["log-errors"]
    assert alarm["Statistic"] == "Sum"
    assert not goes_off(alarm, [0.0, 0.0, 50.0, 50.0, 0.0, 0.0, 0.0])


def test_a_few_errors_all_the_time_raise_no_alarm() -> None:
    assert not goes_off(alarms()["log-errors"], [4.0] * 20)


def test_continued_errors_raise_the_alarm() -> None:
    assert goes_off(alarms()["log-errors"], [0.0, 0.0, 9.0, 0.0, 9.0, 9.0])


def patterns() -> list[str]:
    """Return the filter patterns that count errors, the plain one and the structured one."""
    found = synthesise().resources(SERVICE, "AWS::Logs::MetricFilter").values()
    return sorted((f["Properties"]["FilterPattern"] for f in found), key=lambda p: p[0])


def is_counted(line: str) -> bool:
    """Tell whether CloudWatch Logs would count a line."""
    plain, structured = patterns()
    levels = re.findall(r'\(\$\.level = "(\w+)"\)', structured)
    try:
        level = json.loads(line)["level"]
    except (ValueError, TypeError, KeyError):
        level = None
    return bool(re.search(plain.strip("%"), line)) or level in levels


def test_errors_are_counted_in_the_log_of_the_service() -> None:
    synthesis = synthesise()
    container = synthesis.only(SERVICE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    alarm = alarms()["log-errors"]
    filters = synthesis.resources(SERVICE, "AWS::Logs::MetricFilter").values()
    assert len(filters) == 2
    for log_filter in (f["Properties"] for f in filters):
        log_group = container["LogConfiguration"]["Options"]["awslogs-group"]
        assert log_filter["LogGroupName"] == log_group
        assert log_filter["MetricTransformations"] == [
            {
                "MetricName": alarm["MetricName"],
                "MetricNamespace": alarm["Namespace"],
                "MetricValue": "1",
            }
        ]


def test_cloudwatch_logs_accepts_the_plain_pattern() -> None:
    """Its regular expressions have these characters, and neither groups nor quotes."""
    plain, _ = patterns()
    assert re.fullmatch(r"%[A-Za-z0-9_#=@/;,\-^$?\[\]{}|\\*+.]+%", plain)
    assert len(plain) <= 1024


def test_the_structured_pattern_looks_at_the_level_alone() -> None:
    _, structured = patterns()
    assert re.fullmatch(r'\{ \(\$\.level = "\w+"\)( \|\| \(\$\.level = "\w+"\))* \}', structured)
    assert len(structured) <= 1024


@pytest.mark.parametrize(
    "line",
    [
        "ERROR cannot reach the database",
        "ERROR:root:cannot reach the database",
        "[ERROR] cannot reach the database",
        "2026-11-24 10:00:00,123 ERROR cannot reach the database",
        "2026-11-24T10:00:00.123Z FATAL cannot reach the database",
        "[2026-11-24 10:00:00 +0000] [CRITICAL] worker timeout",
        "java.lang.NullPointerException: null",
        "Traceback (most recent call last):",
        "level=error msg=no",
        "time=2026-11-24T10:00:00Z level=error msg=no",
        '{"level":"fatal","msg":"no"}',
        '{"time": "2026-11-24", "level": "ERROR", "message": "no"}',
    ],
)
def test_lines_that_report_an_error_are_counted(line: str) -> None:
    assert is_counted(line)


@pytest.mark.parametrize(
    "line",
    [
        *("GET /errors 200", "0 errors", '{"level": "info", "message": "error budget: fine"}'),
        '{"level": "info", "message": "request", "path": "/ERROR"}',
        '{"level": "info", "message": "request", "path": "/\\"level\\":\\"error\\""}',
        '{"level": "info", "request": {"level": "error"}}',
        '10.0.0.7 - - [24/Nov/2026:10:00:00 +0000] "GET /ERROR HTTP/1.1" 404 9',
        "2026-11-24 10:00:00 GET /Exception 404",
        "2026-11-24 10:00:00 404 ERROR-agent/1.0",
        "2026-11-24 10:00:00 /ERROR 404",
        "GET /level=error 404",
        "time=2026-11-24T10:00:00Z level=info path=/level=error",
    ],
)
def test_lines_that_only_mention_errors_are_not_counted(line: str) -> None:
    """Else a caller could raise the alarm with the path of a request."""
    assert not is_counted(line)


@pytest.mark.parametrize(
    ("level", "counted"), [(logging.INFO, False), (logging.WARNING, False), (logging.ERROR, True)]
)
def test_error_lines_of_the_sample_service_are_counted(level: int, counted: bool) -> None:
    record = logging.LogRecord("uvicorn", level, __file__, 1, "it happened", None, None)
    assert is_counted(JsonFormatter().format(record)) is counted


def test_an_exception_of_the_sample_service_is_counted() -> None:
    try:
        json.loads("{")
    except ValueError:
        record = logging.LogRecord("app", logging.ERROR, __file__, 1, "no", None, sys.exc_info())
    assert is_counted(JsonFormatter().format(record))


def test_the_description_says_what_an_alarm_means_for_a_deployment() -> None:
    """ECS ignores all of them in a deployment that starts while one of them is on."""
    (listed,) = synthesise().resources(SERVICE, "AWS::ECS::Service").values()
    rolling_back = listed["Properties"]["DeploymentConfiguration"]["Alarms"]["AlarmNames"]
    for name, alarm in alarms().items():
        warns = "in a deployment that starts while this alarm is on" in alarm["AlarmDescription"]
        assert warns is (f"{NAME}-{name}" in rolling_back)


def test_missing_tasks_are_the_desired_minus_the_running_ones() -> None:
    alarm = alarms()["missing-tasks"]
    by_id = {query["Id"]: query for query in alarm["Metrics"]}
    (expression,) = (query for query in alarm["Metrics"] if "Expression" in query)
    assert expression["Expression"] == "desired - FILL(running, 0)"
    assert by_id["desired"]["MetricStat"]["Metric"]["MetricName"] == "DesiredTaskCount"
    assert by_id["running"]["MetricStat"]["Metric"]["MetricName"] == "RunningTaskCount"
    assert not goes_off(alarm, [0.0, 2.0, 2.0, 2.0, 2.0, 0.0])
    assert goes_off(alarm, [1.0] * 5)


def test_missing_data_raises_no_alarm() -> None:
    assert {alarm["TreatMissingData"] for alarm in alarms().values()} == {"notBreaching"}


def test_without_an_address_alarms_send_no_notification() -> None:
    for alarm in alarms().values():
        assert "AlarmActions" not in alarm
        assert "OKActions" not in alarm


def test_with_an_address_they_publish_alarm_and_recovery() -> None:
    (topic,) = synthesise(**CONNECTED).resources(SERVICE, "AWS::SNS::Topic")
    assert set(alarms(**CONNECTED)) == {"cpu", "memory", "log-errors", "missing-tasks"}
    for alarm in alarms(**CONNECTED).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
