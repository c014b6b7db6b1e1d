"""The artifacts and variables that the actions of one execution hand to each other."""

import io
import re
import secrets
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdk_rehearsal.access import Access
from cdk_rehearsal.expectation import RehearsalError

Action = dict[str, Any]
"""An action as GetPipeline describes it."""

_VARIABLE = re.compile(r"#\{([^.}]+)\.([^}]+)\}")
_LARGEST_TEXT = 256 * 1024


class ArtifactStore:
    """Keeps the artifacts and the variables of one execution, as CodePipeline does.

    An artifact is a zip file in ``bucket``. Each action reads and writes it with its own access.
    ``variables`` holds the output variables of the actions, by namespace.
    """

    def __init__(self, *, bucket: str, pipeline: str) -> None:
        self._bucket = bucket
        self.pipeline = pipeline
        self.variables: dict[str, dict[str, str]] = {}
        self._keys: dict[str, str] = {}

    def put(self, access: Access, name: str, files: Mapping[str, bytes]) -> None:
        """Store the output artifact ``name``."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        access.client("s3").put_object(**self.reserve(name), Body=packed.getvalue())

    def reserve(self, name: str) -> dict[str, str]:
        """Choose bucket and key for an output artifact, and return them."""
        self._keys[name] = f"{self.pipeline[:20]}/{name[:10]}/{secrets.token_urlsafe(5)}"
        return self.location(name)

    def location(self, name: str) -> dict[str, str]:
        """Return bucket and key of an artifact; ``KeyError`` if no action has begun to make it."""
        return {"Bucket": self._bucket, "Key": self._keys[name]}

    def arn(self, name: str) -> str:
        """Return the S3 ARN of an artifact."""
        return f"arn:aws:s3:::{self._bucket}/{self._keys[name]}"

    def unpack(self, access: Access, name: str, folder: Path) -> None:
        """Write the files of an input artifact into ``folder``: none is a link or executable."""
        stored = access.client("s3").get_object(**self.location(name))
        with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
            archive.extractall(folder)

    def resolved(self, action: Action) -> Action:
        """Return the action with the values of the variables that its configuration refers to.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
        """

        def value(reference: re.Match[str]) -> str:
            try:
                return self.variables[reference[1]][reference[2]]
            except KeyError:
                # The message of CodePipeline:
                # https://github.com/aws-samples/ecs-blue-green-deployment-with-codedeploy/issues/4
                raise RehearsalError(
                    "one or more variables could not be resolved: Action name="
                    f"{action['name']} ({reference[0]})"
                ) from None

        configuration = {
            key: _VARIABLE.sub(value, text) for key, text in action.get("configuration", {}).items()
        }
        return {**action, "configuration": configuration}


def text_of_file(folder: Path, name: str) -> str:
    """Return the text of a file of an unpacked artifact; ``RehearsalError`` says why it cannot."""
    try:
        with (folder / name).open("rb") as file:
            content = file.read(_LARGEST_TEXT + 1)
        if len(content) > _LARGEST_TEXT:
            raise RehearsalError(f"{name} of the artifact has more than {_LARGEST_TEXT:,} bytes")
        return content.decode("utf-8")
    except FileNotFoundError:
        raise RehearsalError(f"there is no {name} in the artifact") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RehearsalError(f"{name} of the artifact cannot be read: {error}") from None
