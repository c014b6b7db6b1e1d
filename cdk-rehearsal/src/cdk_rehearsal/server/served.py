"""A local AWS that `cdk-rehearsal serve` runs in another terminal."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from cdk_rehearsal.access import Access
from cdk_rehearsal.environment import HOST, RootKey
from cdk_rehearsal.server.local_aws import LocalAws, LocalAwsError

_ENDPOINT = re.compile(rf"https://{re.escape(HOST)}:[0-9]+")
_EXPORTED = {*RootKey.VARIABLES, "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE"}


class ServedAws(LocalAws):
    """Stands for it where a `LocalAws` is expected; it goes on after the `with` block."""

    def __init__(self, access: Access) -> None:
        super().__init__(account=access.account, region=access.region)
        self._access = access

    def __enter__(self) -> Self:
        return self

    @classmethod
    def of_the_shell(cls) -> Self | None:
        """Return the one whose variables the shell has exported; None if it has not.

        ``LocalAwsError`` if it does not answer.
        """
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        if not _ENDPOINT.fullmatch(endpoint) or not os.environ.keys() >= _EXPORTED:
            return None
        access = Access(
            endpoint_url=endpoint,
            account="",
            region=os.environ["AWS_DEFAULT_REGION"],
            key=RootKey.from_environment(),
            ca_bundle=Path(os.environ["AWS_CA_BUNDLE"]),
        )
        try:
            account = access.client("sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError, OSError) as error:
            raise LocalAwsError(f"the local AWS of this shell does not answer: {error}") from None
        return cls(replace(access, account=account))
