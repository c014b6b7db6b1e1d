"""EC2: its errors."""

from ministack.services import ec2

from cdk_rehearsal.ministack.responses import Response


def in_use(message: str) -> Response:
    return _error("DependencyViolation", message)


def unknown_filter(name: str) -> Response:
    return _error("InvalidParameterValue", f"The local AWS does not know the filter '{name}'")


def _error(code: str, message: str) -> Response:
    """Return an error in XML, which EC2 speaks."""
    response: Response = ec2._error(code, message, 400)
    return response
