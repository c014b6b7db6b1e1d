"""The end of a stack operation, told at once.

The CDK CLI asks whether an operation is over right after it began, and then only every five
seconds. The operations here take a fraction of a second, so the answer to the request that begins
one is held until it is over; a long one is answered while it goes on, as on AWS.
"""

import asyncio
import re
import time
from typing import Any

from ministack import app
from ministack.services import cloudformation

_LONGEST_HOLD_SECONDS = 4.0
_PAUSE_SECONDS = 0.02
_OPERATION = re.compile(rb"(?:^|&)Action=(?:ExecuteChangeSet|(?:Create|Update|Delete)Stack)(?:&|$)")


async def handle(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Any:
    answer = await cloudformation.handle_request(method, path, headers, body, query)
    if _OPERATION.search(body):
        deadline = time.monotonic() + _LONGEST_HOLD_SECONDS
        await asyncio.sleep(_PAUSE_SECONDS)  # the operation has yet to begin
        while _under_way() and time.monotonic() < deadline:
            await asyncio.sleep(_PAUSE_SECONDS)
    return answer


def _under_way() -> bool:
    stacks = cloudformation._stacks.values()
    return any(
        stack["StackStatus"].endswith("IN_PROGRESS")
        and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
        for stack in stacks
    )


def install() -> None:
    app.SERVICE_HANDLERS["cloudformation"] = handle
