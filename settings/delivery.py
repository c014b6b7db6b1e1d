"""The delivery pipeline: where the source is, and what happens on the way to the service."""

from typing import Annotated

from .arn import ConnectionArn
from .aws_name import EmailAddress, SecretName
from .github_name import Branch, Owner, Repository
from .group import NoneIfEmpty, SettingsGroup
from .repository_path import FilePath, FolderPath
from .yes_no import YesNo


class DeliverySettings(SettingsGroup):
    """How a commit becomes a running service.

    Exactly one of `connection_arn` and `github_token_secret_name` is set: the way in to GitHub.
    Paths are relative to the top of the repository and normalised; a `folder_path` of `.` is the
    whole repository.
    """

    repository_owner: Owner
    repository_name: Repository
    repository_branch: Branch
    folder_path: FolderPath
    buildspec_path: FilePath
    connection_arn: Annotated[ConnectionArn | None, NoneIfEmpty]
    # Left out of the answers where a connection makes it useless.
    github_token_secret_name: SecretName | None = None
    manual_approval: YesNo
    notification_email: Annotated[EmailAddress | None, NoneIfEmpty]
