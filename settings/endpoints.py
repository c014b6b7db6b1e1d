"""VPC endpoints: which AWS services have one, which a task needs, and which a policy needs.

The short name of an endpoint is the last part of ``com.amazonaws.<region>.<name>``. It is often the
prefix of the service's IAM actions, but not always. ``endpoints.json`` has the names of AWS's page
and of aws-cdk-lib 2.275, without those that CDK cannot make by the short name and those that other
ports than 443 serve. It also has the prefixes with other endpoints, the likeliest endpoint first.
https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
"""

import difflib
import json
from collections.abc import Iterable, Set
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from .parsing import Items
from .redaction import shown_item
from .report import InvalidValueError

GATEWAY_ENDPOINTS = frozenset({"dynamodb", "s3"})
"""The services whose endpoints are routes, which AWS does not charge for.
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html"""

_KNOWN = json.loads(Path(__file__).with_name("endpoints.json").read_text(encoding="utf-8"))
ENDPOINTS: frozenset[str] = GATEWAY_ENDPOINTS | frozenset(_KNOWN["interface_endpoints"])
"""The short names of all endpoints that the core can make."""

# Fargate pulls a task's image from ECR (its layers come from S3) and writes its log.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
_START_TASK_SERVICES = frozenset({"ecr.api", "ecr.dkr", "logs"})

# In regions that opened after 2023-12-23 Fargate needs endpoints of ECS itself, too. The list has
# the older regions, so new regions do not make it wrong.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
_ECS_SERVICES = frozenset({"ecs", "ecs-agent", "ecs-telemetry"})
# fmt: off
_REGIONS_WITHOUT_ECS_ENDPOINTS = frozenset({
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
    "ap-southeast-4", "ca-central-1", "cn-north-1", "cn-northwest-1", "eu-central-1",
    "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1",
    "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
    "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1",
    "us-west-1", "us-west-2",
})
# fmt: on


def start_task_services(region: str) -> frozenset[str]:
    """Return the AWS services whose endpoints a task without NAT needs to start."""
    needed = _START_TASK_SERVICES | {"s3"}
    return needed if region in _REGIONS_WITHOUT_ECS_ENDPOINTS else needed | _ECS_SERVICES


def unreachable_services(actions: Iterable[str], endpoints: Set[str]) -> dict[str, tuple[str, ...]]:
    """Return which services a task cannot call without NAT, by the prefix of their actions.

    ``actions`` are those of IAM policies, and may contain wildcards. ``endpoints`` are the short
    names of the endpoints in the VPC. A service with several endpoints counts as reachable by each
    of them. The values are the endpoints that the core could make for the service, the likeliest
    first; a service without any (``route53``) has an empty one. An action of all services (``*``)
    names no service. Actions whose connection stays inside the VPC (``rds-db:connect``) need no
    endpoint, and neither does ``iam:PassRole``, which is not a call.
    """
    found: dict[str, tuple[str, ...]] = {}
    for action in sorted(actions):
        prefix = action.partition(":")[0].lower()
        stays_inside = any(fnmatchcase(action, pattern) for pattern in _KNOWN["need_no_endpoint"])
        if "*" in prefix or stays_inside:
            continue
        suitable = _KNOWN["endpoints_by_prefix"].get(prefix, [prefix])
        if not endpoints & set(suitable):
            found[prefix] = tuple(name for name in suitable if name in ENDPOINTS)
    return found


def _endpoint(name: str) -> str:
    if name in ENDPOINTS:
        return name
    near = difflib.get_close_matches(name, ENDPOINTS, n=1)
    meant = _KNOWN["endpoints_by_prefix"].get(name, near)
    hint = f"did you mean {meant[0]}?" if meant else "settings/endpoints.json lists the names"
    raise InvalidValueError(f"no VPC endpoint for HTTPS is called {shown_item(name)}; {hint}")


EndpointServices = Annotated[tuple[Annotated[str, AfterValidator(_endpoint)], ...], Items]
