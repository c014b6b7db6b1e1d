"""The types of MiniStack's API handlers: request, response and errors."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ministack.core import responses
from ministack.services import ec2

Request: TypeAlias = dict[str, Any]
"""The parameters of a request: parsed JSON, or the lists of values of a query API."""
Response: TypeAlias = tuple[int, dict[str, str], bytes]
Handler: TypeAlias = Callable[[Request], Response]

json_response: Handler = responses.json_response
json_error: Callable[[str, str, int], Response] = responses.error_response_json


def ec2_error(code: str, message: str) -> Response:
    """Return an error of EC2, which speaks XML."""
    response: Response = ec2._error(code, message, 400)
    return response
