"""The AWS APIs that MiniStack lacks, served by moto's back ends inside MiniStack's process.

The modules listed here extend moto by subclasses; they replace nothing of it.
"""

from importlib import import_module
from typing import Any

from ministack import app
from ministack.core.concurrency import run_reentrant
from ministack.core.responses import get_account_id
from moto.core.request import Request

from cdk_rehearsal.ministack.replacements import REPLACEMENTS, Name
from cdk_rehearsal.ministack.responses import Response

# The services, and the folder whose module `api` has the `API` that responds.
_APIS = (
    ("application-autoscaling", "application_autoscaling"),
    ("codepipeline", "codepipeline"),
    ("servicequotas", "servicequotas"),
    ("codeconnections", "codeconnections"),
    ("codestar-connections", "codeconnections"),
)


def _serve(service: str, folder: str) -> None:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]
    ) -> Response:
        # In a thread of its own, since the back ends call other services of this emulator.
        response: Response = await run_reentrant(_respond, folder, method, path, headers, body)
        return response

    REPLACEMENTS.add(
        [Name(app, f"SERVICE_HANDLERS[{service}]")],
        function=_serve,
        value=handle,
        adds=True,
        why=f"Serve the API {service} by services/{folder}/api.py.",
    )


def _respond(folder: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
    # Imported at the first request, since moto's back ends would double the time to start.
    api = import_module(f"cdk_rehearsal.services.{folder}.api").API
    # Without this header moto takes another account.
    own = {**headers, "x-moto-account-id": get_account_id()}
    request = Request.from_primitives(method, f"http://127.0.0.1{path}", own, body)
    status, response_headers, content = api.dispatch(request)
    data = content.encode() if isinstance(content, str) else content
    kind = {"Content-Type": "application/x-amz-json-1.1"}
    errors = {k: v for k, v in response_headers.items() if k.lower() == "x-amzn-errortype"}
    return int(status), kind | errors, data


for _api in _APIS:
    _serve(*_api)
