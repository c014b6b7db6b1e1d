"""What a delivery is given: the commit, and nothing that only lies beside it."""

import io
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from settings.examples import ROOT
from tools.local_aws import Access
from tools.rehearsal.pipeline.pipeline_run import ArtifactStore
from tools.rehearsal.pipeline.source_tree import Source, SourceError, read_source

SECRETS = (".env.local", ".npmrc", "id_rsa", "application-code/id_rsa")
IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent)}
    command = ["git", *IDENTITY, *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"first {path}", encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a commit, in a folder with a space in its name."""
    folder = tmp_path / "my project"
    write(folder, "app.py", "application-code/Dockerfile")
    (folder / ".gitignore").write_text(".cache/\n", encoding="utf-8")
    (folder / "run").symlink_to("app.py")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


COMMITTED = {".gitignore", "app.py", "application-code/Dockerfile"}


def test_the_commit_is_delivered(project: Path) -> None:
    source = read_source(project)
    assert source.files.keys() == COMMITTED
    assert source.origin.startswith("commit ")
    assert source.left_out == ()


def test_what_is_not_committed_is_named_and_delivered_only_when_asked_for(project: Path) -> None:
    write(project, "added.py")
    git(project, "add", "added.py")
    (project / "app.py").write_text("changed", encoding="utf-8")
    (project / "application-code/Dockerfile").unlink()
    source = read_source(project)
    assert source.files.keys() == COMMITTED
    assert source.files["app.py"] == b"first app.py"
    (told,) = source.left_out
    assert told.startswith("3 uncommitted changes: added.py, app.py, application-code/Dockerfile ")
    assert "WORKTREE=1" in told
    asked = read_source(project, working_tree=True)
    assert asked.files.keys() == {".gitignore", "app.py", "added.py"}
    assert asked.files["app.py"] == b"changed"
    assert asked.left_out == ()


@pytest.mark.parametrize("working_tree", [False, True])
def test_untracked_files_are_named_and_never_read(project: Path, *, working_tree: bool) -> None:
    write(project, *SECRETS, ".cache/x")
    source = read_source(project, working_tree=working_tree)
    assert source.files.keys() == COMMITTED
    (told,) = source.left_out
    assert told.startswith("4 untracked files: .env.local, .npmrc, application-code/id_rsa, id_rsa")


@pytest.mark.parametrize("working_tree", [False, True])
def test_of_a_link_its_target_s_name_is_taken(project: Path, *, working_tree: bool) -> None:
    write(project.parent, "outside/secret")
    (project / "out").symlink_to("../outside/secret")
    git(project, "add", "out")
    git(project, "commit", "--quiet", "--message", "a link")
    source = read_source(project, working_tree=working_tree)
    assert source.links == {"run": "app.py", "out": "../outside/secret"}
    assert source.files.keys() == COMMITTED


def test_nothing_is_read_through_a_link_that_has_taken_the_place_of_a_folder(
    project: Path,
) -> None:
    write(project.parent, "outside/Dockerfile")
    shutil.rmtree(project / "application-code")
    (project / "application-code").symlink_to("../outside")
    assert "application-code/Dockerfile" not in read_source(project, working_tree=True).files
    assert read_source(project).files["application-code/Dockerfile"].startswith(b"first appl")


@pytest.mark.parametrize("working_tree", [False, True])
def test_submodules_are_named(project: Path, *, working_tree: bool) -> None:
    commit = "4f2a9c1e0b7d63a5f8e2c4d1b0a997e6f5c3d281"
    git(project, "update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/it")
    git(project, "commit", "--quiet", "--message", "a submodule")
    (project / "vendor/it").mkdir(parents=True)
    source = read_source(project, working_tree=working_tree)
    assert source.files.keys() == COMMITTED
    assert source.left_out == ("1 submodule: vendor/it",)


def test_a_folder_of_a_larger_repository_is_a_project_of_its_own(project: Path) -> None:
    write(project, "application-code/id_rsa")
    for working_tree in (False, True):
        source = read_source(project / "application-code", working_tree=working_tree)
        assert source.files.keys() == {"Dockerfile"}
        assert source.left_out[0].startswith("1 untracked file: id_rsa ")


def no_repository(project: Path) -> None:
    shutil.rmtree(project / ".git")


def no_commit(project: Path) -> None:
    no_repository(project)
    git(project, "init", "--quiet")


def somebody_elses_repository(project: Path) -> None:
    no_repository(project)
    git(project.parent, "init", "--quiet")
    (project.parent / ".gitignore").touch()
    git(project.parent, "add", ".gitignore")
    git(project.parent, "commit", "--quiet", "--message", "first")


@pytest.mark.parametrize("lose", [no_repository, no_commit, somebody_elses_repository])
def test_without_a_commit_only_the_application_is_delivered_and_only_when_asked_for(
    project: Path, lose: Callable[[Path], None]
) -> None:
    lose(project)
    write(project, ".env.local", "id_rsa", "application-code/.cache/x")
    with pytest.raises(SourceError, match=r"my project has no commit .*\n.*WORKTREE=1"):
        read_source(project)
    source = read_source(project, working_tree=True)
    assert source.files.keys() == {"application-code/Dockerfile"}
    assert "outside of application-code" in source.left_out[0]


def test_a_repository_that_git_does_not_trust_is_not_taken_for_none(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (project / ".git/config").write_text("[core\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    for working_tree in (False, True):
        with pytest.raises(SourceError, match="bad config"):
            read_source(project, working_tree=working_tree)


def test_variables_of_a_git_hook_do_not_lead_elsewhere(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    assert read_source(project).files.keys() == COMMITTED


def test_reading_changes_nothing(project: Path) -> None:
    os.utime(project / "app.py", (1, 1))
    before = (project / ".git/index").read_bytes()
    read_source(project)
    read_source(project, working_tree=True)
    assert (project / ".git/index").read_bytes() == before


def test_names_are_shown_on_one_line(project: Path) -> None:
    (project / "a\x1b[31m\nb").touch()
    (told,) = read_source(project).left_out
    assert r"a\x1b[31m\nb" in told
    assert told.isprintable()


def test_without_git_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(SourceError, match="the command git is missing"):
        read_source(project)


def test_the_source_of_this_project_holds_no_secrets_and_no_packages() -> None:
    paths = read_source(ROOT, working_tree=True).files.keys()
    assert "application-code/ecsdemo-backend/templates/buildspec.yml" in paths
    assert not [p for p in paths if p.startswith((".venv", ".git/", "node_modules", "cdk.out"))]
    assert {p for p in paths if p.endswith(".env")} <= {"sample.env"}


class Bucket:
    """As much of S3 as holds one object."""

    body = b""

    def client(self, _service: str) -> "Bucket":
        return self

    def put_object(self, *, Body: bytes, **_: str) -> None:  # noqa: N803 - of the API
        self.body = Body

    def get_object(self, **_: str) -> dict[str, io.BytesIO]:
        return {"Body": io.BytesIO(self.body)}


def unpacked(source: Source, folder: Path) -> Path:
    store, access = ArtifactStore(bucket="b", pipeline="p"), cast("Access", Bucket())
    store.put(access, "code", source.files, source.links)
    folder.mkdir()
    store.unpack(access, "code", folder)
    return folder


def test_a_build_finds_the_links_that_stay_inside(project: Path, tmp_path: Path) -> None:
    folder = unpacked(read_source(project), tmp_path / "build")
    assert (folder / "run").is_symlink()
    assert (folder / "run").read_text(encoding="utf-8") == "first app.py"


@pytest.mark.parametrize("target", ["../secret", "/etc/hostname", "a/../../secret"])
def test_a_build_reads_nothing_through_a_link_that_leads_out(target: str, tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    source = Source(files={"a/b": b""}, links={"out": target}, origin="made up")
    folder = unpacked(source, tmp_path / "build")
    assert not (folder / "out").is_symlink()
    assert (folder / "out").read_text(encoding="utf-8") == target
