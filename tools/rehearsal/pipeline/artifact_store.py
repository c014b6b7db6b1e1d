"""The artifacts of a pipeline, in its bucket."""

import io
import os
import secrets
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_UNIX = 3
"""Of the systems that a zip file may come from, the one whose entries have a mode."""


class ArtifactStore:
    """Keeps the artifacts of one execution as CodePipeline does: a zip file each, in ``bucket``."""

    def __init__(self, s3: Any, *, bucket: str, pipeline: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._pipeline = pipeline
        self._keys: dict[str, str] = {}

    def put(
        self, name: str, files: Mapping[str, bytes], links: Mapping[str, str] | None = None
    ) -> None:
        """Store the output artifact ``name`` of an action; of a link there is its target's name."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
            for path, target in (links or {}).items():
                entry = zipfile.ZipInfo(path)
                entry.create_system, entry.external_attr = _UNIX, (stat.S_IFLNK | 0o777) << 16
                archive.writestr(entry, os.fsencode(target))
        key = f"{self._pipeline[:20]}/{name[:10]}/{secrets.token_urlsafe(5)}"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=packed.getvalue())
        self._keys[name] = key

    def unpack(self, name: str, folder: Path) -> None:
        """Put the files of an artifact, the input of an action, into ``folder``.

        A link that leads out of the folder becomes a file with its target's name, as in git where
        there are no links: a build reads nothing of this machine.
        """
        stored = self._s3.get_object(Bucket=self._bucket, Key=self._keys[name])
        with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
            archive.extractall(folder)
            links = {
                each.filename: os.fsdecode(archive.read(each))
                for each in archive.infolist()
                if stat.S_ISLNK(each.external_attr >> 16)
            }
        for path, target in links.items():
            link = folder / path
            if (link.parent / target).resolve().is_relative_to(folder.resolve()):
                link.unlink()
                link.symlink_to(target)

    def arn(self, name: str) -> str:
        """Return the S3 ARN of an artifact."""
        return f"arn:aws:s3:::{self._bucket}/{self._keys[name]}"
