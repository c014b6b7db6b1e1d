"""The typical durations of ``durations.toml``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).with_name("durations.toml")


@dataclass(frozen=True)
class Duration:
    """How long CloudFormation takes to create a resource of one type, and how we know.

    ``basis`` says what was read, and how far the readings lie apart; ``source`` is the address of
    the best of them, None if nobody was found to have written one down and ``seconds`` is a guess.
    """

    seconds: float
    basis: str
    source: str | None = None


@cache
def read_durations() -> Mapping[str, Duration]:
    """Return the durations by resource type, for VPC endpoints followed by their own type."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {kind: Duration(**entry) for kind, entry in table.items()}


def type_of(resource: Mapping[str, Any]) -> str:
    """Return the type under which the table lists a resource of a template."""
    kind: str = resource["Type"]
    if kind == "AWS::EC2::VPCEndpoint":
        return f"{kind} ({resource['Properties']['VpcEndpointType']})"
    return kind
