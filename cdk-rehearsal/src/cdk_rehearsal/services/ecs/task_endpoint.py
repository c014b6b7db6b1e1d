"""What ECS answers its tasks: the credentials of the task's role, and the metadata of the task.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import ecs

from cdk_rehearsal.ministack.resource_types import own_access
from cdk_rehearsal.ministack.responses import Response, json_error, json_response

_CREDENTIALS, _METADATA = "/v2/credentials/", "/v4/"
_LIFE = timedelta(hours=1)  # that of a session for which AssumeRole is given none

_roles: dict[str, tuple[str, str]] = {}
"""The role and the id of each task, by the secret end of the path at which it asks."""


def path_of_credentials(role_arn: str, task_id: str) -> str:
    """Return a path that only this task knows: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI."""
    secret = str(uuid.uuid4())
    _roles[secret] = (role_arn, task_id)
    return f"{_CREDENTIALS}{secret}"


def path_of_metadata(task: dict[str, Any]) -> str:
    """Return the path of ECS_CONTAINER_METADATA_URI_V4."""
    return f"{_METADATA}{task['taskArn'].rpartition('/')[2]}"


def answer_to_task(path: str) -> Response:
    """Answer with new credentials, or with metadata; it calls the local AWS meanwhile.

    The answer is an error if the role does not trust ECS any more.
    """
    for task in list(ecs._tasks.values()):
        if path == f"{path_of_metadata(task)}/task":
            return json_response(_metadata(task))
    role_arn, task_id = _roles.get(path.removeprefix(_CREDENTIALS), ("", ""))
    if not role_arn:
        return json_error("InvalidIdInRequest", "There is nothing at this path.", 404)
    until = datetime.now(UTC) + _LIFE
    try:
        given = own_access().role(role_arn, service="ecs-tasks.amazonaws.com", session=task_id)
    except ClientError as error:
        return json_error("AccessDenied", str(error), 403)
    return json_response(
        {
            "RoleArn": role_arn,
            "AccessKeyId": given.key.access_key_id,
            "SecretAccessKey": given.key.secret_access_key,
            "Token": given.key.session_token,
            "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )


def _metadata(task: dict[str, Any]) -> dict[str, Any]:
    family, _, revision = task["taskDefinitionArn"].rpartition("/")[2].partition(":")
    return {
        "Cluster": task["clusterArn"],
        "TaskARN": task["taskArn"],
        "ServiceName": task["group"].partition(":")[2],
        "Family": family,
        "Revision": revision,
        "AvailabilityZone": task["availabilityZone"],
        "LaunchType": task["launchType"],
    }
