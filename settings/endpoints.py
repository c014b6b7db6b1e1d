"""VPC endpoints by the short names that AWS gives them: ``com.amazonaws.<region>.<short name>``.

``endpoints.json`` has the endpoints of AWS's page and of aws-cdk-lib 2.275, except those that CDK
does not make by the short name and those that serve other ports than 443.
https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from .parsing import Items
from .report import InvalidValueError

_DATA = json.loads(Path(__file__).with_name("endpoints.json").read_text(encoding="utf-8"))

GATEWAY_ENDPOINTS = frozenset({"dynamodb", "s3"})
"""The services whose endpoints are routes, which AWS does not charge for.
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html"""

ENDPOINTS: frozenset[str] = GATEWAY_ENDPOINTS.union(_DATA["interface_endpoints"])
"""All endpoints that the core can make."""

ENDPOINTS_BY_PREFIX: Mapping[str, Sequence[str]] = _DATA["endpoints_by_prefix"]
"""The endpoints of a service by the prefix of its IAM actions, the likeliest first. A prefix that
is not here has one endpoint of the same name, or none."""

# Fargate pulls a task's image from ECR, its layers from S3, and writes its log.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
_START_TASK_SERVICES = frozenset({"ecr.api", "ecr.dkr", "logs", "s3"})

# In regions that opened after 2023-12-23 Fargate needs endpoints of ECS itself, too. The file has
# the older regions, so new regions do not make it wrong.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
_ECS_SERVICES = frozenset({"ecs", "ecs-agent", "ecs-telemetry"})


def start_task_services(region: str) -> frozenset[str]:
    """Return the AWS services whose endpoints a task without NAT needs to start."""
    if region in _DATA["regions_without_ecs_endpoints"]:
        return _START_TASK_SERVICES
    return _START_TASK_SERVICES | _ECS_SERVICES


def _endpoint(name: str) -> str:
    if name in ENDPOINTS:
        return name
    near = ENDPOINTS_BY_PREFIX.get(name) or difflib.get_close_matches(name, ENDPOINTS, n=1)
    hint = f"did you mean {near[0]}?" if near else "settings/endpoints.json lists the names"
    raise InvalidValueError(f"no VPC endpoint for HTTPS has this name; {hint}")


EndpointServices = Annotated[tuple[Annotated[str, AfterValidator(_endpoint)], ...], Items]
