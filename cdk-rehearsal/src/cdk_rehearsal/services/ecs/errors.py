"""ECS: its errors."""

from cdk_rehearsal.ministack.responses import Errors

error = Errors(
    {
        "ClientException": "TaskDefinition not found.",
        "ClusterContainsServicesException": (
            "The Cluster cannot be deleted while Services are active."
        ),
        "ClusterContainsTasksException": "The Cluster cannot be deleted while Tasks are active.",
        "ClusterNotFoundException": "Cluster not found.",
        "InvalidParameterException": "{problem}",
    }
)


class ImageMissingError(Exception):
    """An image of this account's registry does not exist; the message has its name."""

    reason = "CannotPullContainerError"

    def __init__(self, image: str) -> None:
        super().__init__(f"{image}: not found")
