"""The account, seen with the user's own credentials."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError

# A region that is not enabled cannot answer. Each partition has one that always is.
_HOMES = {"us-gov-": "us-gov-west-1", "us-iso": "", "eu-iso": "", "eusc-": "", "cn-": ""}
_HOME = "us-east-1"

_CLIENT_CONFIG = Config(
    connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 2}
)


def code_of(error: ClientError) -> str:
    """Return the error code of AWS."""
    return str(error.response.get("Error", {}).get("Code", ""))


def reply_or_none(call: Callable[..., Any], *absent: str, **parameters: Any) -> Any:
    """Return the reply of a call of boto3, or None if its error has one of the codes ``absent``."""
    try:
        return call(**parameters)
    except ClientError as error:
        if code_of(error) not in absent:
            raise
        return None


def listed(value: Any) -> list[Any]:
    """Return what IAM writes as a list, or without one if it has one item."""
    return list(value) if isinstance(value, list) else [value]


class Aws:
    """Clients for one region, and what several questions need to know about stacks.

    They use boto3's default credentials, and `AWS_ENDPOINT_URL` if it is set. The region is the
    given one, whatever the user's environment says.
    """

    def __init__(self, region: str) -> None:
        self.region = region
        self._session: Session | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str) -> Any:
        """Return the client of a service in the region."""
        return self._client(service, self.region)

    def home_client(self, service: str) -> Any:
        """Return the client of a service in a region that is enabled in every account."""
        homes = (home for start, home in _HOMES.items() if self.region.startswith(start))
        return self._client(service, next(homes, _HOME) or self.region)

    @property
    def endpoint(self) -> str:
        """The name of what answers, for messages."""
        return os.environ.get("AWS_ENDPOINT_URL") or f"AWS ({self.region})"

    def stack_resources(self, stack: str) -> Mapping[str, frozenset[str]]:
        """Return the physical ids of the resources of a stack by type; empty without the stack."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        result = pages.paginate(StackName=stack).build_full_result
        reply = reply_or_none(result, "ValidationError") or {"StackResourceSummaries": []}
        found: defaultdict[str, set[str]] = defaultdict(set)
        for resource in reply["StackResourceSummaries"]:
            if resource["ResourceStatus"] != "DELETE_COMPLETE":
                found[resource["ResourceType"]].add(resource.get("PhysicalResourceId", ""))
        return {kind: frozenset(ids) for kind, ids in found.items()}

    def stack_output(self, stack: str, key: str) -> str:
        """Return an output of a stack; empty without the stack or the output."""
        outputs = (self._stack(stack) or {}).get("Outputs", [])
        return next((str(o["OutputValue"]) for o in outputs if o["OutputKey"] == key), "")

    def status_of_stack(self, stack: str) -> str:
        """Return the status of a stack; empty without the stack."""
        return str((self._stack(stack) or {"StackStatus": ""})["StackStatus"])

    def _stack(self, name: str) -> Mapping[str, Any] | None:
        describe = self.client("cloudformation").describe_stacks
        found = reply_or_none(describe, "ValidationError", StackName=name)
        return found["Stacks"][0] if found else None

    def _client(self, service: str, region: str) -> Any:
        if (service, region) not in self._clients:
            self._session = self._session or Session()
            self._clients[service, region] = self._session.client(
                service, region_name=region, config=_CLIENT_CONFIG
            )
        return self._clients[service, region]
