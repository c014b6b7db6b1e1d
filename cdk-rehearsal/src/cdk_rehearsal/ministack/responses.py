"""The types of MiniStack's API handlers: request and response."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ministack.core import responses

Request: TypeAlias = dict[str, Any]
"""The parameters of a request: parsed JSON, or the lists of values of a query API."""
Response: TypeAlias = tuple[int, dict[str, str], bytes]
Handler: TypeAlias = Callable[[Request], Response]

json_response: Handler = responses.json_response
json_error: Callable[[str, str, int], Response] = responses.error_response_json
