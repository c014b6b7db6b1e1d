"""What the alarm on the log counts: errors of the service, and no requests of a hostile caller."""

import json

import pytest

from tools.example_templates import example_templates
from tools.local_aws.log_patterns import matcher
from tools.rehearsal.context import SERVICE

ERROR = json.dumps({"level": "error", "message": "cannot reach the database"})


def is_counted(line: str) -> bool:
    """Tell whether a metric filter of the sample counts a line of its log."""
    resources = example_templates()[SERVICE]["Resources"].values()
    filters = [each for each in resources if each["Type"] == "AWS::Logs::MetricFilter"]
    assert len(filters) == 2
    return any(matcher(each["Properties"]["FilterPattern"])(line) for each in filters)


@pytest.mark.parametrize("path", ["/ERROR", "/FATAL", "/Exception", "/level=error"])
def test_a_request_for_such_a_path_is_not_counted(path: str) -> None:
    """Otherwise every caller could raise the alarm, for which ECS rolls a delivery back."""
    request = {"level": "info", "message": "request", "path": path}
    assert not is_counted(json.dumps(request))
    assert not is_counted(f'10.0.0.7 - - "GET {path} HTTP/1.1" 404')


def test_errors_of_the_service_are_counted() -> None:
    assert is_counted(ERROR)
    assert is_counted("2026-11-30 03:00:00 ERROR cannot reach the database")
