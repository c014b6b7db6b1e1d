"""The alarm on the log of the sample: requests that read like errors do not raise it."""

import json
import secrets
import time
from collections.abc import Sequence

from backend_service.names import AlarmKind, alarm_name
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.expectation import expect
from tools.rehearsal.rehearsal import Rehearsal

_PATHS = ("/ERROR", "/FATAL", "/Exception", "/level=error")
_TIMES_A_MINUTE = 9
_MINUTES = 5  # as far back as the alarm looks


def run(rehearsal: Rehearsal) -> None:
    """Log requests of a hostile caller, then errors of the service; look at the alarm after each.

    If such requests raised it, every caller could have ECS roll a delivery back.
    """
    context = rehearsal.context
    with context.report.step("Requests for /ERROR, and the alarm on the log") as step:
        # As the sample logs requests.
        request = {"level": "info", "message": "request"}
        requests = [json.dumps(request | {"path": path}) for path in _PATHS]
        _log(context, requests * _TIMES_A_MINUTE)
        expect("the alarm after such requests", _alarm_state(context), "OK")
        error = json.dumps({"level": "error", "message": "cannot reach the database"})
        _log(context, [error] * _TIMES_A_MINUTE)
        expect("the alarm after errors of the service itself", _alarm_state(context), "ALARM")
        context.aws.client("cloudwatch").set_alarm_state(
            AlarmName=_alarm(context),
            StateValue="OK",
            StateReason="the rehearsed errors are over",
        )
        step.note = f"{_TIMES_A_MINUTE} errors a minute raise it, such requests do not"


def _log(context: RehearsalContext, lines: Sequence[str]) -> None:
    """Log lines in each of the minutes that the alarm needs, so that nobody waits for them."""
    logs, group = context.aws.client("logs"), context.outputs()["LogGroupName"]
    stream, now = f"rehearsed/{secrets.token_hex(4)}", time.time()
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    for minute in range(_MINUTES):
        at = int((now - 60 * minute) * 1000)
        events = [{"timestamp": at, "message": line} for line in lines]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _alarm(context: RehearsalContext) -> str:
    return alarm_name(context.outputs()["PipelineName"], AlarmKind.LOG_ERRORS)


def _alarm_state(context: RehearsalContext) -> str:
    answer = context.aws.client("cloudwatch").describe_alarms(AlarmNames=[_alarm(context)])
    return str(answer["MetricAlarms"][0]["StateValue"])
