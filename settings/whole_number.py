"""Whole numbers, in the ranges that AWS allows."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator

from .problems import UnfitError


def _whole_number(low: int, high: int, unit: str = "") -> Callable[[object], int]:
    def parse(value: object) -> int:
        text = str(value)
        # int() alone would also take "1_000", "+5" and digits of other scripts.
        if re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high:
            return int(text)
        raise UnfitError(f"expected a whole number from {low} to {high}{unit}")

    return parse


def _log_retention_days(value: object) -> int:
    text = str(value)
    if text not in map(str, _RETENTION_DAYS):
        raise UnfitError(f"expected one of {', '.join(map(str, _RETENTION_DAYS))} (days)")
    return int(text)


# The values of CloudWatch Logs: API reference, PutRetentionPolicy, retentionInDays.
_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

Port = Annotated[int, BeforeValidator(_whole_number(1, 65535))]
ZoneCount = Annotated[int, BeforeValidator(_whole_number(1, 6))]
# An ECS service runs at most 5000 tasks (Amazon ECS service quotas).
TaskCount = Annotated[int, BeforeValidator(_whole_number(1, 5000))]
# Fargate stops a container after two minutes at the latest, and the name must have expired by
# then: see the rule in service.py.
DnsTtl = Annotated[int, BeforeValidator(_whole_number(0, 100, " (seconds)"))]
StopTimeout = Annotated[int, BeforeValidator(_whole_number(20, 120, " (seconds)"))]
LogRetentionDays = Annotated[int, BeforeValidator(_log_retention_days)]
