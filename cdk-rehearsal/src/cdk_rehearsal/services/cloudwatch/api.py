"""The CloudWatch API: alarms are stored, and only SetAlarmState changes their state."""

from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch

from cdk_rehearsal.ministack.replacements import replaces


@replaces(
    cloudwatch,
    "_evaluate_alarm",
    upstream="Bug: all periods are taken together, and TreatMissingData has no effect.",
)
def evaluate_alarm(_original: Callable[[dict[str, Any]], None], _alarm: dict[str, Any]) -> None:
    """Leave an alarm in its state, since MiniStack would compute another one than CloudWatch."""
