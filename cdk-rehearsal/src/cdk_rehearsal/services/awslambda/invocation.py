"""Lambda: how an invocation of a function ends."""

from dataclasses import dataclass, field
from typing import Any


class FunctionError(Exception):
    """The function cannot run here; the message says why."""


@dataclass
class Invocation:
    """The end of an invocation: the answer to CloudFormation, the failure if any, and the log."""

    answer: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    log: str = ""
