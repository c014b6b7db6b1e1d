"""CloudWatch in CloudFormation: alarms on metric math, which MiniStack does not have."""

from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import Properties


@replaces(provisioners, "_cw_metric_alarm_record")
def metric_alarm(
    original: Callable[[str, Properties], Any], name: str, properties: Properties
) -> Any:
    """Keep an alarm on an expression with the first metric of the expression."""
    if "Metrics" in properties:
        used = next(query["MetricStat"] for query in properties["Metrics"] if "MetricStat" in query)
        simple = {**used["Metric"], "Period": used["Period"], "Statistic": used["Stat"]}
        properties = properties | simple
        del properties["Metrics"]
    return original(name, properties)
