"""CloudWatch: the evaluation of alarms by periods, and alarms on metric math in templates.

MiniStack has no alarms on a metric math expression. This module stores such an alarm with the first
metric of the expression, so its evaluation means little.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ministack.services import cloudwatch

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    PatchedType,
    Properties,
    replaces_type,
)

_METRIC = ("Namespace", "MetricName", "Dimensions")


@replaces_type(
    "AWS::CloudWatch::Alarm",
    upstream="Missing: alarms over metric math: store Metrics in PutMetricAlarm, give them back.",
)
class MetricAlarm(PatchedType):
    """An alarm on one metric, or on an expression."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        return super().create(logical_id, _simple(properties), stack)

    def update(self, change: Change) -> Created:
        return super().update(replace(change, old=_simple(change.old), new=_simple(change.new)))

    def delete(self, physical_id: str, properties: Properties) -> None:
        super().delete(physical_id, _simple(properties))


def _simple(properties: Properties) -> Properties:
    if "Metrics" not in properties:
        return properties
    used = next(query["MetricStat"] for query in properties["Metrics"] if "MetricStat" in query)
    rest = {key: value for key, value in properties.items() if key != "Metrics"}
    metric = {key: used["Metric"][key] for key in _METRIC if key in used["Metric"]}
    return rest | metric | {"Period": used["Period"], "Statistic": used["Stat"]}


@replaces(
    cloudwatch,
    "_evaluate_alarm",
    upstream="Bug: DatapointsToAlarm, dimensions and TreatMissingData have no effect, and all"
    " periods are taken together.",
)
def evaluate_alarm(_original: Callable[[dict[str, Any]], None], alarm: dict[str, Any]) -> None:
    """Raise an alarm if enough of its last periods are bad, the current period included.

    MiniStack evaluates an alarm when it is created and when a metric receives a data point.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """
    periods = alarm["EvaluationPeriods"]
    values = _values(alarm, periods)
    missing, unknown = alarm["TreatMissingData"], periods - len(values)
    bad = sum(_BAD[alarm["ComparisonOperator"]](value, alarm["Threshold"]) for value in values)
    if missing == "breaching":
        bad += unknown
    old = alarm["StateValue"]
    if bad >= alarm.get("DatapointsToAlarm", periods):
        new = "ALARM"
    elif values or missing in ("breaching", "notBreaching"):
        new = "OK"
    else:
        new = old if missing == "ignore" else "INSUFFICIENT_DATA"
    if new == old:
        return
    reason = f"Threshold Crossed: {bad} of {periods} datapoints"
    alarm |= {"StateValue": new, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


_BAD: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def _values(alarm: dict[str, Any], periods: int) -> list[float]:
    """Return the statistic of each of the last periods that has data points."""
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm["Dimensions"]))
    points = cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], dimensions)) or []
    seconds = alarm["Period"]
    newest = time.time() // seconds
    by_period: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for point in points:
        by_period[int(point["Timestamp"] // seconds)].append(point)
    statistic = alarm["ExtendedStatistic"] or alarm["Statistic"]
    return [
        cloudwatch._stat_value(cloudwatch._calc_stats(found), statistic, found)
        for number, found in by_period.items()
        if newest - periods < number <= newest
    ]
