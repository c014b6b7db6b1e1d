"""What a delivery is given: the commit, and nothing that only lies beside it."""

import io
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from tools.local_aws import Access
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.pipeline.pipeline_run import ArtifactStore
from tools.rehearsal.pipeline.source_tree import Source, SourceError, read_source
from tools.repository import ROOT

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


def test_no_attribute_leaves_a_file_out_or_rewrites_it(project: Path) -> None:
    attributes = "Dockerfile export-ignore\nversion export-subst\n"
    (project / ".gitattributes").write_text(attributes, encoding="utf-8")
    (project / "version").write_text("$Format:%H$", encoding="utf-8")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "attributes")
    files = read_source(project).files
    assert files.keys() == {*COMMITTED, ".gitattributes", "version"}
    assert files["version"] == b"$Format:%H$"


@pytest.mark.parametrize("working_tree", [False, True])
def test_no_program_of_the_user_is_run(project: Path, *, working_tree: bool) -> None:
    for driver, commands in {"one": ("clean", "smudge"), "two": ("process",)}.items():
        git(project, "config", f"filter.{driver}.required", "true")
        for each in commands:
            git(project, "config", f"filter.{driver}.{each}", f"touch ../{each}; cat")
    hook = project.parent / "hook"
    hook.write_text("#!/bin/sh\ntouch ../hooked\n", encoding="utf-8")
    hook.chmod(0o755)
    git(project, "config", "core.fsmonitor", str(hook))
    (project / ".git/info/attributes").write_text(
        "app.py filter=one\nDockerfile filter=two\n", encoding="utf-8"
    )
    os.utime(project / "app.py", (1, 1))
    os.utime(project / "application-code/Dockerfile", (1, 1))
    source = read_source(project, working_tree=working_tree)
    assert source.files["app.py"] == b"first app.py"
    assert source.left_out == ()
    assert sorted(each.name for each in project.parent.iterdir()) == ["hook", "my project"]


def test_a_commit_is_read_also_where_files_are_equal_or_empty(project: Path) -> None:
    (project / "empty").touch()
    (project / "same").write_bytes(b"first app.py")
    (project / "lines").write_bytes(b"\0\n\n" * 100)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "more")
    source = read_source(project)
    on_disk = read_source(project, working_tree=True)
    assert (source.files, source.links) == (on_disk.files, on_disk.links)


def test_content_that_git_has_lost_is_named(project: Path) -> None:
    for each in (project / ".git/objects").glob("??/*"):
        each.chmod(0o600)
    found = subprocess.run(
        ["git", "rev-parse", "HEAD:app.py"], cwd=project, check=True, capture_output=True, text=True
    )
    blob = found.stdout.strip()
    (project / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(SourceError, match=r"has app\.py in the commit, but not its content"):
        read_source(project)


@pytest.mark.parametrize("working_tree", [False, True])
def test_a_name_that_is_not_utf_8_is_named_and_left_out(
    project: Path, *, working_tree: bool
) -> None:
    name = os.fsdecode(b"application-code/caf\xe9")
    (project / name).touch()
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "an old name")
    source = read_source(project, working_tree=working_tree)
    assert source.files.keys() == COMMITTED
    assert source.left_out == (r"1 file whose name is not UTF-8: application-code/caf\udce9",)
    no_repository(project)
    source = read_source(project, working_tree=True)
    assert source.files.keys() == {"application-code/Dockerfile"}
    assert "not UTF-8" in source.left_out[1]


@pytest.mark.parametrize("working_tree", [False, True])
def test_links_may_lead_in_a_circle(project: Path, tmp_path: Path, *, working_tree: bool) -> None:
    circle = {
        "a": "b",
        "b": "a",
        "c": "a/x",
        "self": "self",
        "deep": "self/../../x",
        "old": "caf\udce9",
    }
    for path, target in circle.items():
        (project / path).symlink_to(target)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "links")
    shutil.rmtree(project / "application-code")
    (project / "application-code").symlink_to("application-code")
    source = read_source(project, working_tree=working_tree)
    assert source.links == circle | {"run": "app.py"}
    folder = unpacked(source, tmp_path / "build")
    assert (folder / "a").is_symlink()
    assert (folder / "run").read_text(encoding="utf-8") == "first app.py"


def test_a_file_that_cannot_be_read_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(SourceError, match=r"\.gitignore cannot be read: Permission denied"):
        read_source(project, working_tree=True)


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


@pytest.mark.parametrize(
    "target",
    ["../secret", "/etc/hostname", "a/../../secret", "", "\0", "long/" * 1000],
)
def test_a_link_that_leads_out_or_cannot_be_is_a_file_with_the_name_of_its_target(
    target: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").touch()
    source = Source(files={"a/b": b""}, links={"out": target}, origin="made up")
    folder = unpacked(source, tmp_path / "build")
    assert not (folder / "out").is_symlink()
    assert (folder / "out").read_bytes() == os.fsencode(target)


def test_links_that_lead_out_together_do_not(tmp_path: Path) -> None:
    """By itself `a` leads to a file beside it; once `b` is a link, out of the folder."""
    (tmp_path / "secret").write_text("of this machine", encoding="utf-8")
    links = {"a": "b/../secret", "b": "."}
    folder = unpacked(Source(files={}, links=links, origin="made up"), tmp_path / "build")
    assert (folder / "a").read_text(encoding="utf-8") == "b/../secret"
    assert (folder / "b").is_symlink()


def test_an_artifact_has_only_names_in_utf_8(tmp_path: Path) -> None:
    source = Source(files={"caf\udce9": b""}, links={}, origin="made up")
    with pytest.raises(RehearsalError, match=r"the name of 'caf\\udce9' is not UTF-8"):
        unpacked(source, tmp_path / "build")
