"""Days of retention, as CDK names them."""

import pytest
from aws_cdk import aws_logs as logs

from core_infra.log_retention import log_retention
from tests.synthesis import empty_stack, template_of

EVERY_PERIOD = [
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
]


def test_every_period_is_written_into_the_template_as_that_many_days() -> None:
    stack = empty_stack()
    for days in EVERY_PERIOD:
        logs.LogGroup(stack, f"Log{days}", retention=log_retention(days))
    resources = template_of(stack)["Resources"].values()
    assert sorted(r["Properties"]["RetentionInDays"] for r in resources) == EVERY_PERIOD


def test_every_finite_period_of_cloudwatch_logs_is_there() -> None:
    finite = set(logs.RetentionDays) - {logs.RetentionDays.INFINITE}
    assert {log_retention(days) for days in EVERY_PERIOD} == finite


def test_any_other_number_of_days_is_refused() -> None:
    with pytest.raises(KeyError):
        log_retention(31)
