"""Whole numbers, in the ranges that AWS allows."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator

from core_infra.names import LOG_RETENTION

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
    if text not in map(str, LOG_RETENTION):
        raise UnfitError(f"expected one of {', '.join(map(str, LOG_RETENTION))} (days)")
    return int(text)


Port = Annotated[int, BeforeValidator(_whole_number(1, 65535))]
ZoneCount = Annotated[int, BeforeValidator(_whole_number(1, 6))]
# An ECS service runs at most 5000 tasks (Amazon ECS service quotas).
TaskCount = Annotated[int, BeforeValidator(_whole_number(1, 5000))]
# Fargate stops a container after two minutes at the latest, and the name must have expired by
# then: see the rule in service.py.
DnsTtl = Annotated[int, BeforeValidator(_whole_number(0, 100, " (seconds)"))]
StopTimeout = Annotated[int, BeforeValidator(_whole_number(20, 120, " (seconds)"))]
LogRetentionDays = Annotated[int, BeforeValidator(_log_retention_days)]
