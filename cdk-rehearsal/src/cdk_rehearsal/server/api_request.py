"""A request: as it arrived, and as it was read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qsl

from ministack.core import sigv4

# As ASGI has it: a dictionary whose keys depend on its type.
Scope: TypeAlias = Any

# Operations whose action in IAM has another name; of S3 most have one.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_ACTIONS: Mapping[str, str] = json.loads(
    Path(__file__).with_name("actions.json").read_text(encoding="utf-8")
)
_ARN = "arn:"


@dataclass(frozen=True)
class Request:
    """A request as the client sent it; values of a repeated header are joined as SigV4 does it."""

    method: str
    path: str
    raw_path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    repeated: frozenset[str]
    """Names of headers that occur more than once."""

    @classmethod
    def of(cls, scope: Scope) -> Self:
        headers: dict[str, str] = {}
        repeated = set()
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), sigv4.decode_header_value(raw_value)
            if name in headers:
                repeated.add(name)
                value = f"{headers[name]},{value}"
            headers[name] = value
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(
            scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace"
        ):
            query.setdefault(name, []).append(value)
        return cls(
            method=scope["method"],
            path=scope["path"],
            raw_path=scope["raw_path"].decode("latin-1"),
            query=query,
            headers=headers,
            repeated=frozenset(repeated),
        )

    def first(self, parameter: str) -> str:
        return self.query.get(parameter, [""])[0]


@dataclass(frozen=True, kw_only=True)
class ApiRequest:
    """A request to an API, as the door has read it: for the judge, and for the handler."""

    service: str
    """The prefix of the service's actions in IAM."""
    operation: str
    """Its name in botocore's model of the service."""
    parameters: Mapping[str, Any]
    """The parameters of JSON or a form, and those in path, query and headers, by name."""
    account: str
    region: str
    access_key_id: str = ""
    handler: str = ""
    """MiniStack's name of the service."""
    method: str = "POST"
    path: str = "/"
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def action(self) -> str:
        """The action in IAM."""
        name = f"{self.service}:{self.operation}"
        return _ACTIONS.get(name, name)

    def texts(self, *names: str) -> list[str]:
        """Return the values of these parameters, also those in lists."""
        found: list[Any] = []
        for name in names:
            value = self.parameters.get(name)
            found += value if isinstance(value, list) else [] if value is None else [str(value)]
            member = re.compile(rf"{name}(?:\.member)?\.\d+$")
            found += [each for key, each in self.parameters.items() if member.match(key)]
        return [text for text in found if isinstance(text, str) and text]

    def text(self, *names: str) -> str:
        return next(iter(self.texts(*names)), "")

    def arn(self, resource: str, *, service: str = "", region: str | None = None) -> str:
        where = self.region if region is None else region
        return f"arn:aws:{service or self.service}:{where}:{self.account}:{resource}"

    def arns(self, prefix: str, *names: str) -> list[str]:
        """Return the ARNs of the resources in these parameters, given by name or by ARN."""
        return [
            text if text.startswith(_ARN) else self.arn(f"{prefix}{text.removeprefix('/')}")
            for text in self.texts(*names)
        ]
