"""CloudWatch in CloudFormation: alarms, also those on metric math.

MiniStack has no alarms on a metric math expression. Such an alarm is stored with the first metric
of the expression.
"""

from dataclasses import replace

from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    PatchedType,
    Properties,
    resource_type,
)

_METRIC = ("Namespace", "MetricName", "Dimensions")


@resource_type(
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
