"""Lambda in CloudFormation: custom resources, which run a function."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import new_uuid
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import Created, Properties
from cdk_rehearsal.services.awslambda import ATTEMPTS, FunctionError, Invocation
from cdk_rehearsal.services.awslambda.functions import invoke
from cdk_rehearsal.services.awslambda.outside import ANSWER_URL


@replaces(custom_resource, "invoke_custom_resource")
def invoke_custom_resource(
    _original: Callable[..., Created],
    request: str,
    logical_id: str,
    properties: Properties,
    _stack: str,
    stack_id: str,
    kind: str,
    physical_id: str | None = None,
    old_props: Properties | None = None,
) -> Created:
    """Run the function of a custom resource as its role, so that its calls are judged.

    It must answer before it ends.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html
    """
    token = properties.get("ServiceToken", "")
    event = {
        "RequestType": request,
        "RequestId": new_uuid(),
        "StackId": stack_id,
        "ResponseURL": ANSWER_URL,
        "ResourceType": kind,
        "LogicalResourceId": logical_id,
        "ResourceProperties": custom_resource._normalise_resource_properties(properties),
    }
    if physical_id is not None:
        event["PhysicalResourceId"] = physical_id
    if old_props is not None:
        event["OldResourceProperties"] = custom_resource._normalise_resource_properties(old_props)
    try:
        invocation = _invoke(token, event)
    except (FunctionError, ClientError) as error:
        raise ValueError(f"Custom resource {logical_id} ({kind}): {error}") from error
    answer = invocation.answer
    if not answer:
        raise ValueError(
            f"Custom resource {logical_id} ({kind}): its function did not answer:"
            f" {invocation.failure}\n{invocation.log}"
        )
    if answer["Status"] != "SUCCESS":
        message = f"Message returned: {answer.get('Reason', '')}"
        raise ValueError(f"Received response status [FAILED] from custom resource. {message}")
    return answer["PhysicalResourceId"], answer.get("Data") or {}


def _invoke(arn: str, event: dict[str, Any]) -> Invocation:
    """Run a function as often as Lambda does until it answers CloudFormation, or does not fail."""
    record, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    if record is None or configuration is None:
        raise FunctionError(f"there is no function {arn}")
    for _attempt in range(ATTEMPTS):
        invocation = invoke({**record, "config": configuration}, event)
        if invocation.answer or not invocation.failure:
            break
    return invocation
