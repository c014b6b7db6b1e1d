"""ECS: its errors."""

from cdk_rehearsal.ministack.responses import Response, json_error

_BAD_REQUEST = 400


class ImageMissingError(Exception):
    """An image of this account's registry does not exist; the message has its name."""

    reason = "CannotPullContainerError"

    def __init__(self, image: str) -> None:
        super().__init__(f"{image}: not found")


def invalid_parameter(message: str) -> Response:
    return _error("InvalidParameterException", message)


def no_cluster() -> Response:
    return _error("ClusterNotFoundException", "Cluster not found.")


def no_task_definition() -> Response:
    return _error("ClientException", "TaskDefinition not found.")


def active_services() -> Response:
    message = "The Cluster cannot be deleted while Services are active."
    return _error("ClusterContainsServicesException", message)


def active_tasks() -> Response:
    message = "The Cluster cannot be deleted while Tasks are active."
    return _error("ClusterContainsTasksException", message)


def _error(code: str, message: str) -> Response:
    return json_error(code, message, _BAD_REQUEST)
