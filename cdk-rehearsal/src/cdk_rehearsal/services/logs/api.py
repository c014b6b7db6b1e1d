"""The CloudWatch Logs API: metric filters are stored and count nothing; patterns are refused."""

from ministack.services import cloudwatch_logs

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_error


@replaces(
    cloudwatch_logs,
    "_filter_log_events",
    upstream="Bug: a JSON pattern matches everything, a regular expression is taken for a term.",
)
def filter_log_events(original: Handler, request: Request) -> Response:
    """Return the events of a time; refuse a pattern, which MiniStack would match wrongly."""
    if request.get("filterPattern"):
        message = "The local AWS does not filter log events by a pattern."
        return json_error("InvalidParameterException", message, 400)
    return original(request)
