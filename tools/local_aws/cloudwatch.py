"""CloudWatch: alarms over a metric math expression, which MiniStack refuses.

The API stores no expressions either, so such an alarm is kept under the first metric that the
expression uses; nothing here evaluates it.
"""

from tools.local_aws.resource_types import Created, PatchedType, Properties, replaces_type

_METRIC = ("Namespace", "MetricName", "Dimensions")


@replaces_type(
    "AWS::CloudWatch::Alarm",
    upstream="Missing: alarms over metric math: store Metrics in PutMetricAlarm, give them back.",
)
class MetricAlarm(PatchedType):
    """An alarm over one metric, or over an expression of several."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        return super().create(logical_id, _simple(properties), stack)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        return super().update(physical_id, _simple(old), _simple(new), stack, logical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:
        super().delete(physical_id, _simple(properties))


def _simple(properties: Properties) -> Properties:
    if "Metrics" not in properties:
        return properties
    used = next(query["MetricStat"] for query in properties["Metrics"] if "MetricStat" in query)
    rest = {key: value for key, value in properties.items() if key != "Metrics"}
    metric = {key: used["Metric"][key] for key in _METRIC if key in used["Metric"]}
    return rest | metric | {"Period": used["Period"], "Statistic": used["Stat"]}
