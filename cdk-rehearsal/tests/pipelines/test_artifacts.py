"""Artifacts: what is in them; variables of earlier actions are resolved."""

import io
from pathlib import Path
from typing import Any, cast

import pytest

from cdk_rehearsal import Access
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import ArtifactStore, text_of_file
from cdk_rehearsal.pipelines.rollout import read_image_definitions


class Bucket:
    """As much of S3 as holds one object."""

    body = b""

    def client(self, _service: str) -> "Bucket":
        return self

    def put_object(self, *, Body: bytes, **_: str) -> None:  # noqa: N803 - of the API
        self.body = Body

    def get_object(self, **_: str) -> dict[str, io.BytesIO]:
        return {"Body": io.BytesIO(self.body)}


def test_an_artifact_has_the_contents_of_its_files_and_none_is_executable(tmp_path: Path) -> None:
    store, access = ArtifactStore(bucket="b", pipeline="p"), cast("Access", Bucket())
    store.put(access, "code", {"a/b": b"content"})
    store.unpack(access, "code", tmp_path)
    assert (tmp_path / "a" / "b").read_bytes() == b"content"
    assert not (tmp_path / "a" / "b").stat().st_mode & 0o111


def action(parameter: str) -> dict[str, Any]:
    return {"name": "Release", "configuration": {"UserParameters": parameter}}


def test_a_variable_of_an_earlier_action_is_resolved() -> None:
    store = ArtifactStore(bucket="b", pipeline="p")
    store.variables["Build"] = {"IMAGE": "x@sha256:1"}
    resolved = store.resolved(action("release #{Build.IMAGE}"))
    assert resolved == action("release x@sha256:1")
    with pytest.raises(RehearsalError, match=r"could not be resolved: Action name=Release"):
        store.resolved(action("#{Build.TAG}"))


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "buildspec.yml").write_bytes(b"#" * 300_000)
    with pytest.raises(
        RehearsalError, match=r"buildspec.yml of the artifact has more than 262,144 bytes"
    ):
        text_of_file(tmp_path, "buildspec.yml")


def test_image_definitions_that_are_nested_deeply_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(RehearsalError, match=r"^images.json is no list like "):
        read_image_definitions(tmp_path, "images.json")
