"""What the handler of an API is given and gives back, in the form that MiniStack has them."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ministack.core.responses import error_response_json, json_response
from ministack.services import ec2

Request: TypeAlias = dict[str, Any]
"""The request's parameters: parsed JSON, or the lists of values of a query API."""
Response: TypeAlias = tuple[int, dict[str, str], bytes]
Handler: TypeAlias = Callable[[Request], Response]

answer: Handler = json_response
refusal: Callable[[str, str, int], Response] = error_response_json


def ec2_refusal(code: str, message: str) -> Response:
    """Return an error of EC2, which speaks XML."""
    response: Response = ec2._error(code, message, 400)
    return response
