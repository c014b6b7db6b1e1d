"""Logs that CodeBuild and Lambda write, with the role of the build or the function."""

import time

from cdk_rehearsal.access import Access


def write_log(access: Access, group: str, stream: str, text: str) -> None:
    """Write a log stream, and create its group if there is none.

    Without the permission this fails, although Lambda would go on without a log.
    https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    """
    logs = access.client("logs")
    try:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    except logs.exceptions.ResourceNotFoundException:
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line or " "} for line in (text or " ").splitlines()]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
