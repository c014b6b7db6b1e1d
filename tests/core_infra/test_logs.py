"""Retention periods, and the log groups of the functions that implement CDK's custom resources."""

from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from core_infra.logs import HelperFunctionLogs, log_retention
from settings.names import LOG_RETENTION
from tests.synthesis import empty_stack, template_of


def bucket_cleaner(count: int = 1) -> dict[str, dict[str, Any]]:
    """Return the resources of a stack with buckets that are emptied by one helper, by type."""
    stack = empty_stack()
    for index in range(count):
        s3.Bucket(
            stack,
            f"Bucket{index}",
            removal_policy=RemovalPolicy.DESTROY,
            auto_delete_objects=True,
        )
    HelperFunctionLogs(stack, "HelperFunctionLogs", retention=logs.RetentionDays.ONE_WEEK)
    resources: dict[str, dict[str, Any]] = template_of(stack)["Resources"]
    return resources


def of_type(resources: dict[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {key: resource for key, resource in resources.items() if resource["Type"] == kind}


def test_the_helper_writes_to_a_log_group_of_the_stack() -> None:
    resources = bucket_cleaner()
    (log_group,) = of_type(resources, "AWS::Logs::LogGroup")
    (function,) = of_type(resources, "AWS::Lambda::Function").values()
    assert function["Properties"]["LoggingConfig"] == {"LogGroup": {"Ref": log_group}}


def test_the_log_has_the_retention_and_is_deleted_with_the_stack() -> None:
    (log_group,) = of_type(bucket_cleaner(), "AWS::Logs::LogGroup").values()
    assert log_group["Properties"] == {"RetentionInDays": 7}
    assert log_group["DeletionPolicy"] == "Delete"


def test_one_helper_for_many_resources_has_one_log_group() -> None:
    assert len(of_type(bucket_cleaner(count=3), "AWS::Logs::LogGroup")) == 1


def test_a_stack_without_helpers_gets_nothing() -> None:
    stack = empty_stack()
    s3.Bucket(stack, "Bucket")
    HelperFunctionLogs(stack, "HelperFunctionLogs", retention=logs.RetentionDays.ONE_WEEK)
    assert [r["Type"] for r in template_of(stack)["Resources"].values()] == ["AWS::S3::Bucket"]


def test_every_period_is_written_into_the_template_as_that_many_days() -> None:
    stack = empty_stack()
    for days in LOG_RETENTION:
        logs.LogGroup(stack, f"Log{days}", retention=log_retention(days))
    resources = template_of(stack)["Resources"].values()
    assert sorted(r["Properties"]["RetentionInDays"] for r in resources) == list(LOG_RETENTION)


def test_every_finite_period_of_cloudwatch_logs_is_there() -> None:
    finite = set(logs.RetentionDays) - {logs.RetentionDays.INFINITE}
    assert {log_retention(days) for days in LOG_RETENTION} == finite
