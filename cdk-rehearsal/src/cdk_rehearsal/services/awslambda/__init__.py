"""Lambda: functions for Node and Python, and how an invocation ends."""

from dataclasses import dataclass, field
from typing import Any

ATTEMPTS = 3
"""How often Lambda runs a function that fails after an asynchronous call.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""


class FunctionError(Exception):
    """The function cannot run here; the message says why."""


@dataclass
class Invocation:
    """The end of an invocation: the answer to CloudFormation, the failure if any, and the log."""

    answer: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    log: str = ""
