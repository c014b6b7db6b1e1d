"""Artifacts: links in them lead nowhere outside; variables of earlier actions are resolved."""

import io
from pathlib import Path
from typing import Any, cast

import pytest

from cdk_rehearsal import Access
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import ArtifactStore, text_of_file


class Bucket:
    """As much of S3 as holds one object."""

    body = b""

    def client(self, _service: str) -> "Bucket":
        return self

    def put_object(self, *, Body: bytes, **_: str) -> None:  # noqa: N803 - of the API
        self.body = Body

    def get_object(self, **_: str) -> dict[str, io.BytesIO]:
        return {"Body": io.BytesIO(self.body)}


def unpacked(folder: Path, links: dict[str, str]) -> Path:
    """Store the file `a/b` with links as an artifact, and unpack that."""
    store, access = ArtifactStore(bucket="b", pipeline="p"), cast("Access", Bucket())
    store.put(access, "code", {"a/b": b"content"}, links)
    (folder / "build").mkdir()
    store.unpack(access, "code", folder / "build")
    return folder / "build"


def test_a_link_that_stays_inside_is_a_link(tmp_path: Path) -> None:
    link = unpacked(tmp_path, {"run": "a/b", "loop": "loop"}) / "run"
    assert link.is_symlink()
    assert link.read_bytes() == b"content"


@pytest.mark.parametrize("target", ["../secret", "/etc/hostname", "a/../../secret"])
def test_a_link_that_leads_out_is_a_file_with_the_name_of_its_target(
    target: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").touch()
    link = unpacked(tmp_path, {"out": target}) / "out"
    assert not link.is_symlink()
    assert link.read_text("utf-8") == target


def test_links_that_lead_out_through_each_other_are_files(tmp_path: Path) -> None:
    """Without the link `b` the target of `a` is inside."""
    (tmp_path / "secret").write_text("of this machine", "utf-8")
    folder = unpacked(tmp_path, {"a-link": "b/../secret", "b": "."})
    assert (folder / "a-link").read_text("utf-8") == "b/../secret"


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
    with pytest.raises(RehearsalError, match=r"buildspec.yml of the artifact has 300,000 bytes"):
        text_of_file(tmp_path, "buildspec.yml")
