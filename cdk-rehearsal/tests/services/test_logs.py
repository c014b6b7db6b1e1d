"""CloudWatch Logs of the local AWS: filter patterns, metric filters, and alarms on them."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]
GROUP, STREAM = "/ecs/backend", "task"
PERIOD_SECONDS = 3600  # far longer than a test on a slow machine


class Errors:
    """A log group with a metric filter for ERROR, and an alarm for three in 2 of 3 periods."""

    def __init__(self, client: Client) -> None:
        self.client = client
        # A new name, since the data points of a metric cannot be deleted.
        self.name = f"errors-{uuid.uuid4()}"
        self._now = time.time()

    def write(self, lines: Sequence[str], *, periods_ago: int) -> None:
        at = int((self._now - PERIOD_SECONDS * periods_ago) * 1000)
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
        Period=PERIOD_SECONDS,
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=2,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    yield errors
    cloudwatch.delete_alarms(AlarmNames=[name])
    logs.delete_log_group(logGroupName=GROUP)


def test_matching_lines_in_two_of_three_periods_raise_the_alarm(errors: Errors) -> None:
    assert errors.state == "OK"
    errors.write(["ERROR"] * 9, periods_ago=5)  # too long ago
    errors.write(["ERROR"] * 9, periods_ago=1)
    errors.write(["ERROR"] * 2, periods_ago=0)
    assert errors.state == "OK"
    errors.write(["ERROR"], periods_ago=0)
    assert errors.state == "ALARM"


def test_other_lines_raise_no_alarm(errors: Errors) -> None:
    for period in range(3):
        errors.write(["GET /ERROR"] * 9, periods_ago=period)
    assert errors.state == "OK"


def test_a_pattern_filters_events(errors: Errors) -> None:
    errors.write(['{"level": "error"}', "ERROR", "GET /ERROR"], periods_ago=0)

    def found(pattern: str) -> list[str]:
        events = errors.client("logs").filter_log_events(logGroupName=GROUP, filterPattern=pattern)
        return [event["message"] for event in events["events"]]

    assert found('{ $.level = "error" }') == ['{"level": "error"}']
    assert found("%^ERROR%") == ["ERROR"]
    assert found("ERROR") == ["ERROR", "GET /ERROR"]
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        found("%(ERROR)%")


def test_a_template_with_an_invalid_pattern_fails(stacks: Stacks) -> None:
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
