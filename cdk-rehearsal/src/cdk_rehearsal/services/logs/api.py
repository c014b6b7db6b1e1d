"""CloudWatch Logs: filter patterns, and metric filters that count matching events."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_error
from cdk_rehearsal.services.logs.patterns import Matcher, PatternError, matcher


@replaces(
    cloudwatch_logs,
    "_compile_filter_pattern",
    upstream="Bug: a JSON pattern matches everything, a regular expression is taken for a term,"
    " capitals do not count, and ?terms must all be there.",
)
def compile_filter_pattern(_original: Callable[[str], Matcher], pattern: str) -> Matcher:
    """Match as CloudWatch Logs does (`log_patterns`)."""
    return matcher(pattern)


@replaces(cloudwatch_logs, "_filter_log_events")
def filter_log_events(original: Handler, request: Request) -> Response:
    """Refuse an invalid pattern."""
    return _pattern_error(request) or original(request)


@replaces(
    cloudwatch_logs,
    "_put_metric_filter",
    upstream="Missing: a metric filter with an invalid pattern is accepted.",
)
def put_metric_filter(original: Handler, request: Request) -> Response:
    """Refuse an invalid pattern, and a metric value that is not a constant."""
    for transformation in request.get("metricTransformations", []):
        if not transformation["metricValue"].isdecimal():
            message = "The local AWS knows only constant metric values."
            return json_error("InvalidParameterException", message, 400)
    return _pattern_error(request) or original(request)


def _pattern_error(request: Request) -> Response | None:
    try:
        matcher(request.get("filterPattern", ""))
    except PatternError as error:
        message = f"Invalid filter pattern: {error}"
        return json_error("InvalidParameterException", message, 400)
    return None


@replaces(
    cloudwatch_logs,
    "_put_log_events",
    upstream="Missing: metric filters have no effect; count the matching events.",
)
def put_log_events(original: Handler, request: Request) -> Response:
    """Count the events that match the metric filters of the group, each at its own time."""
    response = original(request)
    if response[0] == HTTPStatus.OK:
        filters = list(cloudwatch_logs._metric_filters.values())
        of_group = [each for each in filters if each["logGroupName"] == request["logGroupName"]]
        if sum(_count(each, request["logEvents"]) for each in of_group):
            cloudwatch._evaluate_all_alarms()
    return response


def _count(metric_filter: dict[str, Any], events: list[dict[str, Any]]) -> int:
    """Add a data point for each event that matches the filter; return their number."""
    matches = matcher(metric_filter["filterPattern"])
    matched = [event for event in events if matches(event["message"])]
    for event in matched:
        for transformation in metric_filter["metricTransformations"]:
            cloudwatch._store_datum(
                transformation["metricNamespace"],
                transformation["metricName"],
                {},
                event["timestamp"] / 1000,
                "None",
                float(transformation["metricValue"]),
                None,
                None,
                None,
            )
    return len(matched)
