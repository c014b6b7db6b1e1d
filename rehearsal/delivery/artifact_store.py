"""The artifacts of a pipeline, in its bucket."""

import io
import secrets
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class ArtifactStore:
    """Keeps the artifacts of one execution as CodePipeline does: a zip file each, in ``bucket``."""

    def __init__(self, s3: Any, *, bucket: str, pipeline: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._pipeline = pipeline
        self._keys: dict[str, str] = {}

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """Store the output artifact ``name`` of an action."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        key = f"{self._pipeline[:20]}/{name[:10]}/{secrets.token_urlsafe(5)}"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=packed.getvalue())
        self._keys[name] = key

    def unpack(self, name: str, folder: Path) -> None:
        """Put the files of an artifact, the input of an action, into ``folder``."""
        stored = self._s3.get_object(Bucket=self._bucket, Key=self._keys[name])
        with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
            archive.extractall(folder)

    def arn(self, name: str) -> str:
        """Return the S3 ARN of an artifact."""
        return f"arn:aws:s3:::{self._bucket}/{self._keys[name]}"
