"""CloudWatch Logs and alarms of the local AWS: what it does not evaluate, it refuses or leaves."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[[str], Any]


def test_events_are_not_filtered_by_a_pattern(client: Client) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="lines")
    assert logs.filter_log_events(logGroupName="lines")["events"] == []
    with pytest.raises(ClientError, match="does not filter log events by a pattern"):
        logs.filter_log_events(logGroupName="lines", filterPattern="ERROR")
    logs.delete_log_group(logGroupName="lines")


def test_an_alarm_keeps_its_state_until_it_is_set(client: Client) -> None:
    cloudwatch = client("cloudwatch")
    metric = {"Namespace": "Test", "MetricName": "errors"}
    cloudwatch.put_metric_data(Namespace="Test", MetricData=[{"MetricName": "errors", "Value": 9}])
    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        **metric,
    )

    def state() -> str:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
        return str(alarm["StateValue"])

    assert state() == "INSUFFICIENT_DATA"
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="by hand")
    assert state() == "ALARM"
    cloudwatch.delete_alarms(AlarmNames=["errors"])
