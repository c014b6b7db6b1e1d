"""The AWS APIs that MiniStack lacks, served by moto's back ends inside MiniStack's process."""

from importlib import import_module
from typing import Any

from ministack import app
from ministack.core import router
from ministack.core.concurrency import run_reentrant
from ministack.core.responses import get_account_id
from moto.core.request import Request

Response = tuple[int, dict[str, str], bytes]

_CONNECTIONS = "connection_api"

# By the prefix of the requests' X-Amz-Target: the service, and our module whose `API` answers.
_APIS = {
    "AnyScaleFrontendService.": ("application-autoscaling", "scaling_api"),
    "CodePipeline_20150709.": ("codepipeline", "pipeline_api"),
    "ServiceQuotasV20190624.": ("servicequotas", "quota_api"),
    "com.amazonaws.codeconnections.CodeConnections_20231201.": ("codeconnections", _CONNECTIONS),
    "com.amazonaws.codestar.connections.CodeStar_connections_20191201.": (
        "codestar-connections",
        _CONNECTIONS,
    ),
}


def _serve(target: str, service: str, module: str) -> None:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]
    ) -> Response:
        # A thread of its own: the back ends call other services of this emulator.
        response: Response = await run_reentrant(_answer, module, method, path, headers, body)
        return response

    app.SERVICE_HANDLERS[service] = handle
    router.SERVICE_PATTERNS[service] = {
        "target_prefixes": [target],
        "credential_scope": service,
    }


def _answer(module: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
    # Imported at the first request: moto's back ends would double the time to start.
    api = import_module(f"rehearsal.local_aws.{module}").API
    # moto gives every request without this header to an account of its own.
    own = {**headers, "x-moto-account-id": get_account_id()}
    request = Request.from_primitives(method, f"http://127.0.0.1{path}", own, body)
    status, answer_headers, answer = api.dispatch(request)
    data = answer.encode() if isinstance(answer, str) else answer
    kind = {"Content-Type": "application/x-amz-json-1.1"}
    errors = {k: v for k, v in answer_headers.items() if k.lower() == "x-amzn-errortype"}
    return int(status), kind | errors, data


def install() -> None:
    for target, (service, module) in _APIS.items():
        _serve(target, service, module)
