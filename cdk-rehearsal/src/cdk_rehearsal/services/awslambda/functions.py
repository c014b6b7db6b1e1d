"""Lambda: runs the code of functions for Node and Python, with the permissions of their role.

Each invocation is a process of its own (`python`, `node`).
"""

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import new_uuid
from ministack.services import lambda_svc

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import own_access
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.services.awslambda import FunctionError, Invocation, node, python

_SERVICE = "lambda.amazonaws.com"
_RUNTIMES = {"nodejs": node.run, "python": python.run}


def invoke(record: dict[str, Any], event: Any) -> Invocation:
    """Run a function of MiniStack once, to its end, and write its log with its role.

    ``ClientError`` if its role does not trust Lambda, ``FunctionError`` if it cannot run here.
    """
    configuration = {"Timeout": 3} | record["config"]
    name, runtime = configuration["FunctionName"], configuration["Runtime"]
    run = next((run for start, run in _RUNTIMES.items() if runtime.startswith(start)), None)
    if run is None:
        raise FunctionError(f"the local AWS does not run functions for {runtime}")
    access = own_access().role(configuration["Role"], service=_SERVICE, session=name)
    with ScratchDirectory("function") as scratch:
        code = scratch.path / "code"
        with zipfile.ZipFile(io.BytesIO(record["code_zip"])) as archive:
            archive.extractall(code)
        invocation = run(configuration, access, event, code)
    group = configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
    with suppress(ClientError):  # Lambda goes on if the role may not do that
        access.write_log(group, f"[$LATEST]{new_uuid()}", invocation.log)
    return invocation


@replaces(lambda_svc, "_execute_function_dispatch")
def execute_function(
    _original: Callable[..., Any], record: dict[str, Any], _config: Any, event: Any, *_: Any
) -> dict[str, Any]:
    """Run a function with the credentials of its role; MiniStack gives it others, not judged."""
    try:
        ended = invoke(record, event)
    except (FunctionError, ClientError) as error:
        ended = Invocation(failure=str(error), log=str(error))
    body = {"errorMessage": ended.failure} if ended.failure else None
    return {"body": body, "error": bool(ended.failure), "log": ended.log}
