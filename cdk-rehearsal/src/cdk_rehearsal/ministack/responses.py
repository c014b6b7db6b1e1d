"""The types of MiniStack's API handlers: request and response, and the errors of JSON APIs."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from ministack.core import responses

Request: TypeAlias = dict[str, Any]
"""The parameters of a request: parsed JSON, or the lists of values of a query API."""
Response: TypeAlias = tuple[int, dict[str, str], bytes]
Handler: TypeAlias = Callable[[Request], Response]

json_response: Handler = responses.json_response
json_error: Callable[[str, str, int], Response] = responses.error_response_json


class Errors:
    """The errors of a service: by code the message, with names in braces for its values."""

    def __init__(self, messages: Mapping[str, str], status: int = HTTPStatus.BAD_REQUEST) -> None:
        self._messages, self._status = messages, status

    def __call__(self, code: str, **values: object) -> Response:
        return json_error(code, self._messages[code].format(**values), self._status)
