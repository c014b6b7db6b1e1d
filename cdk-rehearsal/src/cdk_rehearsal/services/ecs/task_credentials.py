"""The credentials of a task's role, as ECS gives them to its containers.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
"""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import iam, sts

from cdk_rehearsal.iam.service_roles import CannotAssumeError, as_service
from cdk_rehearsal.ministack.responses import Response, json_error, json_response

_PATH = "/v2/credentials/"
_SECONDS = 6 * 3600

_roles: dict[str, tuple[str, str]] = {}
"""The role and the id of each task, by the secret end of the path at which it asks."""


def path_of_credentials(role_arn: str, task_id: str) -> str:
    """Return a path that only this task knows: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI."""
    secret = str(uuid.uuid4())
    _roles[secret] = (role_arn, task_id)
    return f"{_PATH}{secret}"


def credentials_at(path: str) -> Response:
    """Answer with new credentials; with an error if the role does not trust ECS any more."""
    role_arn, task_id = _roles.get(path.removeprefix(_PATH), ("", ""))
    if not role_arn:
        return json_error("InvalidIdInRequest", "No credentials at this path.", 404)
    try:
        caller = as_service(role_arn, "ecs-tasks.amazonaws.com", task_id).caller
    except CannotAssumeError as error:
        return json_error("AccessDenied", str(error), 403)
    return json_response({"RoleArn": role_arn, **_session(caller.arn, role_arn, task_id)})


def _session(arn: str, role_arn: str, task_id: str) -> dict[str, Any]:
    key, secret = iam._gen_session_access_key(), iam._gen_secret()
    token, until = iam._gen_session_token(), int(time.time()) + _SECONDS
    sts.register_session(
        key,
        {
            "Arn": arn,
            "UserId": f"{sts._role_id(role_arn)}:{task_id}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": until,
            "AccountId": get_account_id(),
            "PrincipalType": "AssumedRole",
        },
    )
    expiration = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "Token": token,
        "Expiration": expiration,
    }
