"""CloudWatch Logs of the local AWS: patterns, metric filters that count, and alarms over them."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.local_aws.tests.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]
GROUP, STREAM = "/ecs/backend", "task"


class Errors:
    """A log group in which lines with ERROR are counted, and an alarm for 2 of 3 minutes with 3."""

    def __init__(self, client: Client) -> None:
        self.client = client
        # Nobody can delete the points of a metric.
        self.name = f"errors-{uuid.uuid4()}"
        self._now = time.time()

    def write(self, lines: Sequence[str], *, minutes_ago: int) -> None:
        at = int((self._now - 60 * minutes_ago) * 1000)
        self.client("logs").put_log_events(
            logGroupName=GROUP,
            logStreamName=STREAM,
            logEvents=[{"timestamp": at, "message": line} for line in lines],
        )

    @property
    def state(self) -> str:
        answer = self.client("cloudwatch").describe_alarms(AlarmNames=[self.name])
        return str(answer["MetricAlarms"][0]["StateValue"])


@pytest.fixture
def errors(client: Client) -> Iterator[Errors]:
    errors = Errors(client)
    name = errors.name
    logs, cloudwatch = client("logs"), client("cloudwatch")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    metric = {"metricName": name, "metricNamespace": "Test", "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName=GROUP,
        filterName=name,
        filterPattern="%^ERROR%",
        metricTransformations=[metric],
    )
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName=name,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=2,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    yield errors
    cloudwatch.delete_alarms(AlarmNames=[name])
    logs.delete_log_group(logGroupName=GROUP)


def test_lines_that_match_raise_the_alarm_after_so_many_bad_minutes(errors: Errors) -> None:
    assert errors.state == "OK"
    errors.write(["ERROR"] * 9, minutes_ago=5)  # too long ago
    errors.write(["ERROR"] * 9, minutes_ago=1)
    errors.write(["ERROR"] * 2, minutes_ago=0)
    assert errors.state == "OK"
    errors.write(["ERROR"], minutes_ago=0)
    assert errors.state == "ALARM"


def test_lines_that_do_not_match_raise_no_alarm(errors: Errors) -> None:
    for minute in range(3):
        errors.write(["GET /ERROR"] * 9, minutes_ago=minute)
    assert errors.state == "OK"


def test_events_are_found_by_patterns(errors: Errors) -> None:
    errors.write(['{"level": "error"}', "ERROR", "GET /ERROR"], minutes_ago=0)

    def found(pattern: str) -> list[str]:
        events = errors.client("logs").filter_log_events(logGroupName=GROUP, filterPattern=pattern)
        return [event["message"] for event in events["events"]]

    assert found('{ $.level = "error" }') == ['{"level": "error"}']
    assert found("%^ERROR%") == ["ERROR"]
    assert found("ERROR") == ["ERROR", "GET /ERROR"]
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        found("%(ERROR)%")


def test_a_template_with_a_pattern_that_is_not_taken_fails(stacks: Stacks) -> None:
    resources = {
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
        "Filter": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": {"Ref": "Group"},
                "FilterPattern": "%(ERROR)%",
                "MetricTransformations": [
                    {"MetricName": "errors", "MetricNamespace": "Test", "MetricValue": "1"}
                ],
            },
        },
    }
    with pytest.raises(StackFailedError, match="Invalid filter pattern"):
        stacks.deploy("logs", resources)
