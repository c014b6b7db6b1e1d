"""Docker's registry protocol: each request needs the permission of the equivalent call to ECR.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/security_iam_id-based-policy-examples.html
"""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app
from ministack.core.responses import get_account_id, get_region

from tools.local_aws.authentication import registry_caller
from tools.local_aws.iam.calls import Check
from tools.local_aws.iam.judge import Refusal, is_root, require
from tools.local_aws.iam.principals import NoSuchPrincipalError, principal_of
from tools.local_aws.replacements import replaces
from tools.local_aws.responses import Response

_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<what>manifests|blobs/uploads|blobs)(?:/.*)?$")
_ACTIONS = {
    ("GET", "manifests"): "BatchGetImage",
    ("HEAD", "manifests"): "BatchGetImage",
    ("PUT", "manifests"): "PutImage",
    ("GET", "blobs"): "GetDownloadUrlForLayer",
    ("HEAD", "blobs"): "BatchCheckLayerAvailability",
    ("POST", "blobs/uploads"): "InitiateLayerUpload",
    ("PATCH", "blobs/uploads"): "UploadLayerPart",
    ("PUT", "blobs/uploads"): "CompleteLayerUpload",
}


@replaces(
    app,
    "_handle_ecr_registry_request",
    upstream="Gap: requests in docker's protocol need no permissions.",
)
async def handle_registry_request(
    original: Callable[..., Awaitable[Response | None]],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
) -> Response | None:
    """Check the permissions of the user or role for whom the docker login was issued."""
    caller = registry_caller(headers.get("authorization", ""))
    if app._is_ecr_registry_path(path) and caller and not is_root(caller):
        try:
            _require(caller, method, path)
        except (Refusal, NoSuchPrincipalError, LookupError) as refusal:
            error = {"code": "DENIED", "message": str(refusal)}
            content = json.dumps({"errors": [error]}).encode()
            return 403, {"Content-Type": "application/json"}, content
    return await original(method, path, headers, body, query)


def _require(caller: str, method: str, path: str) -> None:
    if path.rstrip("/") == "/v2":
        return  # docker only checks its login with this request
    named = _PATH.match(path)
    action = _ACTIONS.get((method, named["what"])) if named else None
    if named is None or action is None:
        raise LookupError(f"{method} {path} is not judged here: no call to ECR does the same")
    arn = f"arn:aws:ecr:{get_region()}:{get_account_id()}:repository/{named['name']}"
    require(principal_of(caller), Check(action=f"ecr:{action}", resource=arn))
