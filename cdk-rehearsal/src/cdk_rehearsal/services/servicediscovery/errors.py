"""Cloud Map: its errors."""

from http import HTTPStatus

from cdk_rehearsal.ministack.responses import Response, json_error


def invalid_input(message: str) -> Response:
    return json_error("InvalidInput", message, HTTPStatus.BAD_REQUEST)


def no_instance() -> Response:
    return json_error("InstanceNotFound", "Instance not found", HTTPStatus.NOT_FOUND)


def service_in_use() -> Response:
    message = (
        "Service contains registered instances; delete the instances before deleting the service"
    )
    return json_error("ResourceInUse", message, HTTPStatus.BAD_REQUEST)
