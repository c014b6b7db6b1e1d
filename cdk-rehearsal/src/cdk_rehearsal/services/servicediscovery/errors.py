"""Cloud Map: its errors."""

from http import HTTPStatus

from cdk_rehearsal.ministack.responses import Errors

error = Errors(
    {
        "InvalidInput": "{problem}",
        "ResourceInUse": (
            "Service contains registered instances; delete the instances before deleting the"
            " service"
        ),
    }
)
not_found = Errors({"InstanceNotFound": "Instance not found"}, HTTPStatus.NOT_FOUND)
