"""AWS::CloudWatch::Alarm over a metric math expression, which MiniStack refuses.

The API stores no expressions either, so such an alarm is kept under the first metric that the
expression uses; nothing here evaluates it.
"""

from rehearsal.local_aws.resource_types import (
    Created,
    MendedType,
    Properties,
    register,
)

METRIC = ("Namespace", "MetricName", "Dimensions")


class MetricAlarm(MendedType):
    """An alarm over one metric, or over an expression of several."""

    name = "AWS::CloudWatch::Alarm"

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        created: Created = self._engine["create"](logical_id, _simple(properties), stack)
        return created

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        updated: Created = self._engine["update"](
            physical_id, _simple(old), _simple(new), stack, logical_id
        )
        return updated

    def delete(self, physical_id: str, properties: Properties) -> None:
        self._engine["delete"](physical_id, _simple(properties))


def _simple(properties: Properties) -> Properties:
    if "Metrics" not in properties:
        return properties
    used = next(query["MetricStat"] for query in properties["Metrics"] if "MetricStat" in query)
    rest = {key: value for key, value in properties.items() if key != "Metrics"}
    metric = {key: used["Metric"][key] for key in METRIC if key in used["Metric"]}
    return rest | metric | {"Period": used["Period"], "Statistic": used["Stat"]}


def install() -> None:
    register(MetricAlarm())
