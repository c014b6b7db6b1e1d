"""The requests of a service in botocore's model: protocols, operations, and their parameters.

A model is loaded when the first request for its service arrives, and only once in this process: to
read one takes longer than to answer most requests.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from ministack.core import responses

from cdk_rehearsal.ministack.replacements import replaces

# Models of the services whose name in signatures is not that of their only model.
_MODELS = {
    "apigateway": ("apigateway", "apigatewayv2"),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2",),
    "monitoring": ("cloudwatch",),
    "servicequotas": ("service-quotas",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
}
# Its request equals that of ListBuckets; it needs an endpoint of S3 Express.
_NOT_HERE = ("ListDirectoryBuckets",)
# Not the loader of a session, whose clients change what it has loaded.
_LOADER = Loader()
_PLACEHOLDER = re.compile(r"\\{(\w+)(\\\+)?\\}")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation of a service, and the places of its parameters in a request."""

    name: str
    method: str
    path: re.Pattern[str]
    fixed_query: Mapping[str, str]
    """Query parameters that select the operation, with their values."""
    query: Mapping[str, str]
    """The other query parameters, with the names that the model gives them."""
    repeatable: frozenset[str]
    """Query parameters that are lists."""
    headers: Mapping[str, str]
    """Headers that are parameters, in lower case, with the names that the model gives them."""
    header_prefixes: tuple[str, ...]
    required: frozenset[str]
    """Query parameters and headers without which it is another operation."""
    body: frozenset[str]
    """Names that the content of the body may have on its first level."""
    raw_body: bool
    """Whether the body is one parameter, as the content of an object is."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The requests of a service."""

    metadata: Mapping[str, Any]
    """As botocore has it. MiniStack takes the type of an answer from it."""
    protocols: tuple[str, ...]
    target_prefix: str
    version: str
    operations: Mapping[str, Operation]


@cache
def models(signing_name: str) -> tuple[Model, ...]:
    """Return the models of the service with this name in signatures; none if nobody knows it."""
    try:
        return tuple(_model(name) for name in _MODELS.get(signing_name, (signing_name,)))
    except UnknownServiceError:
        return ()


@replaces(responses, "_service_model")
def model_of_answers(_: object, service: str) -> Model | None:
    """Return a model that is already loaded; MiniStack would load it again."""
    try:
        return _model(responses._BOTOCORE_NAME.get(service, service))
    except UnknownServiceError:
        return None


@cache
def _model(name: str) -> Model:
    content = _LOADER.load_service_model(name, "service-2")
    metadata, shapes = content["metadata"], content["shapes"]
    protocols = tuple(metadata.get("protocols") or [metadata["protocol"]])
    operations = {
        each["name"]: _operation(each, shapes, protocols)
        for each in content["operations"].values()
        if not each.get("deprecated") and each["name"] not in _NOT_HERE
    }
    return Model(
        metadata=metadata,
        protocols=protocols,
        target_prefix=metadata.get("targetPrefix", ""),
        version=metadata["apiVersion"],
        operations=operations,
    )


def _operation(
    content: Mapping[str, Any], shapes: Mapping[str, Any], protocols: tuple[str, ...]
) -> Operation:
    shape = shapes[content["input"]["shape"]] if "input" in content else {}
    members = shape.get("members", {})

    def located(place: str) -> dict[str, str]:
        found = {name: each for name, each in members.items() if each.get("location") == place}
        return {each.get("locationName", name): name for name, each in found.items()}

    query = located("querystring")
    headers = {header.lower(): name for header, name in located("header").items()}
    needed = shape.get("required", ())
    path, _, fixed = content["http"]["requestUri"].partition("?")
    payload = shapes[members[shape["payload"]]["shape"]] if "payload" in shape else {}
    free = {name: each for name, each in members.items() if "location" not in each}
    free = payload.get("members", free)
    return Operation(
        name=content["name"],
        method=content["http"]["method"],
        path=_pattern(path),
        fixed_query=dict(part.partition("=")[::2] for part in fixed.split("&") if part),
        query=query,
        repeatable=frozenset(
            each for each, name in query.items() if shapes[members[name]["shape"]]["type"] == "list"
        ),
        headers=headers,
        header_prefixes=(
            *(prefix.lower() for prefix in located("headers")),
            *(("x-amz-checksum-",) if "httpChecksum" in content else ()),
        ),
        required=frozenset(each for each, name in (query | headers).items() if name in needed),
        body=frozenset(_spelling(name, each, protocols) for name, each in free.items()),
        raw_body=payload.get("type") in ("blob", "string"),
    )


def _spelling(name: str, member: Mapping[str, Any], protocols: tuple[str, ...]) -> str:
    """Return how a body calls a parameter, as botocore's serializers have it."""
    located = str(member.get("locationName", ""))
    if "ec2" in protocols:
        return str(member.get("queryName") or located[:1].upper() + located[1:] or name)
    return located or name


def _pattern(uri: str) -> re.Pattern[str]:
    """Return the pattern of a path; ``{Key+}`` may have slashes, ``{Bucket}`` not."""
    pattern = _PLACEHOLDER.sub(
        lambda found: f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})", re.escape(uri.rstrip("/"))
    )
    return re.compile(f"{pattern}/?", re.DOTALL)
