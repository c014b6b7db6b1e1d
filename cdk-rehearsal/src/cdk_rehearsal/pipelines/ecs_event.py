"""The event of ECS about a failed deployment, and EventBridge, which calls functions with it.

The worker publishes the event for the rollouts of pipelines, and for no other deployment.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cdk_rehearsal.pipelines.lambda_action import call
from cdk_rehearsal.pipelines.rollout import GivenUpError
from cdk_rehearsal.server.local_aws import LocalAws

Event = Mapping[str, Any]


def failed_deployment(aws: LocalAws, failure: GivenUpError) -> Event:
    """Return the event that ECS publishes when it gives a deployment up."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "ECS Deployment State Change",
        "source": "aws.ecs",
        "account": aws.access.account,
        "time": now,
        "region": aws.access.region,
        "resources": [failure.service],
        "detail": {
            "eventType": "ERROR",
            "eventName": "SERVICE_DEPLOYMENT_FAILED",
            "deploymentId": failure.deployment,
            "updatedAt": now,
            "reason": str(failure),
        },
    }


def publish(aws: LocalAws, event: Event) -> None:
    """Call each function that a rule has for the event, as often as Lambda does if it fails."""
    for function in _functions(aws, event):
        call(aws.client("lambda"), function, event)


def _functions(aws: LocalAws, event: Event) -> Iterator[str]:
    events = aws.client("events")
    for rule in events.list_rules()["Rules"]:
        pattern = rule.get("EventPattern")
        if not pattern or rule["State"] != "ENABLED":
            continue
        if events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]:
            for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                if ":function:" in target["Arn"] and _may_call(aws, rule["Arn"], target["Arn"]):
                    yield target["Arn"].rpartition(":")[2]


def _may_call(aws: LocalAws, rule: str, function: str) -> bool:
    """Tell whether the policy of the function lets the rule call it."""
    functions = aws.client("lambda")
    try:
        policy = json.loads(functions.get_policy(FunctionName=function)["Policy"])
    except ClientError:  # it has none
        return False
    return any(
        statement["Principal"] == {"Service": "events.amazonaws.com"}
        and statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn") == rule
        for statement in policy["Statement"]
    )
