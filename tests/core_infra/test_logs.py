"""Retention periods, and the log groups of CDK's helper functions."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from core_infra.logs import HelperFunctionLogs
from settings.aws_types import LOG_RETENTION_DAYS
from tests.synthesis import empty_stack, properties_of, settings_of, template_of


def stack_with_bucket(*, auto_delete_objects: bool) -> Stack:
    stack = empty_stack()
    s3.Bucket(
        stack,
        "Bucket",
        removal_policy=RemovalPolicy.DESTROY,
        auto_delete_objects=auto_delete_objects,
    )
    settings = settings_of(log_retention_days="7").service
    HelperFunctionLogs(stack, "HelperFunctionLogs", settings=settings)
    return stack


def test_a_helper_function_writes_to_a_log_group_of_the_stack() -> None:
    stack = stack_with_bucket(auto_delete_objects=True)
    resources = template_of(stack)["Resources"].items()
    (group_id,) = (key for key, r in resources if r["Type"] == "AWS::Logs::LogGroup")
    function = properties_of(stack, "AWS::Lambda::Function")
    assert function["LoggingConfig"] == {"LogGroup": {"Ref": group_id}}
    assert properties_of(stack, "AWS::Logs::LogGroup") == {"RetentionInDays": 7}


def test_a_stack_without_helper_functions_gets_no_log_group() -> None:
    resources = template_of(stack_with_bucket(auto_delete_objects=False))["Resources"].values()
    assert [resource["Type"] for resource in resources] == ["AWS::S3::Bucket"]


def test_the_settings_accept_every_period_of_cloudwatch_logs() -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::Logs::LogGroup").schema
    assert sorted(schema["properties"]["RetentionInDays"]["enum"]) == list(LOG_RETENTION_DAYS)
