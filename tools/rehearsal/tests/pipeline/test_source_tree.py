"""The source of a delivery: the commit, and nothing else that is in the folder."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.rehearsal.pipeline.source_tree import SourceError, read_source

IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent)}
    command = ["git", *IDENTITY, *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def commit_all(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a commit")


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
    commit_all(folder)
    return folder


COMMITTED = {".gitignore", "app.py", "application-code/Dockerfile"}


def test_uncommitted_changes_are_named_and_delivered_only_on_request(project: Path) -> None:
    write(project, "added.py")
    git(project, "add", "added.py")
    (project / "app.py").write_text("changed", encoding="utf-8")
    (project / "application-code/Dockerfile").unlink()
    source = read_source(project)
    assert source.origin.startswith("commit ")
    assert source.files.keys() == COMMITTED
    assert source.files["app.py"] == b"first app.py"
    (note,) = source.left_out
    assert note.startswith("3 uncommitted changes: added.py, app.py, application-code/Dockerfile ")
    assert "WORKTREE=1" in note
    on_disk = read_source(project, working_tree=True)
    assert on_disk.files.keys() == {".gitignore", "app.py", "added.py"}
    assert on_disk.files["app.py"] == b"changed"
    assert on_disk.left_out == ()


@pytest.mark.parametrize("working_tree", [False, True])
def test_untracked_files_are_named_and_never_read(project: Path, *, working_tree: bool) -> None:
    write(project, ".env.local", "application-code/id_rsa", ".cache/x")
    source = read_source(project, working_tree=working_tree)
    assert source.files.keys() == COMMITTED
    (note,) = source.left_out
    assert note.startswith("2 untracked files: .env.local, application-code/id_rsa")


@pytest.mark.parametrize("working_tree", [False, True])
def test_a_link_is_delivered_with_the_name_of_its_target(
    project: Path, *, working_tree: bool
) -> None:
    write(project.parent, "outside/secret")
    (project / "out").symlink_to("../outside/secret")
    (project / "loop").symlink_to("loop")
    commit_all(project)
    source = read_source(project, working_tree=working_tree)
    assert source.links == {"run": "app.py", "out": "../outside/secret", "loop": "loop"}
    assert source.files.keys() == COMMITTED


def test_nothing_behind_a_link_to_a_folder_is_read(project: Path) -> None:
    write(project.parent, "outside/Dockerfile")
    shutil.rmtree(project / "application-code")
    (project / "application-code").symlink_to("../outside")
    assert "application-code/Dockerfile" not in read_source(project, working_tree=True).files


@pytest.mark.parametrize("working_tree", [False, True])
def test_submodules_and_names_that_are_not_utf_8_are_named(
    project: Path, *, working_tree: bool
) -> None:
    commit = "4f2a9c1e0b7d63a5f8e2c4d1b0a997e6f5c3d281"
    (project / os.fsdecode(b"caf\xe9")).touch()
    git(project, "add", "--all")
    git(project, "update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/it")
    git(project, "commit", "--quiet", "--message", "a submodule")
    (project / "vendor/it").mkdir(parents=True)
    source = read_source(project, working_tree=working_tree)
    assert source.files.keys() == COMMITTED
    not_utf8 = r"1 file whose name is not UTF-8: caf\udce9"
    assert source.left_out == ("1 submodule: vendor/it", not_utf8)


def test_a_folder_of_a_larger_repository_is_read_alone(project: Path) -> None:
    assert read_source(project / "application-code").files.keys() == {"Dockerfile"}


def test_no_attribute_changes_what_is_read(project: Path) -> None:
    attributes = "Dockerfile export-ignore\nversion export-subst\n"
    (project / ".gitattributes").write_text(attributes, encoding="utf-8")
    (project / "version").write_text("$Format:%H$", encoding="utf-8")
    commit_all(project)
    files = read_source(project).files
    assert files.keys() == {*COMMITTED, ".gitattributes", "version"}
    assert files["version"] == b"$Format:%H$"


@pytest.mark.parametrize("working_tree", [False, True])
def test_git_runs_no_program_of_the_repository(project: Path, *, working_tree: bool) -> None:
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
    index = (project / ".git/index").read_bytes()
    source = read_source(project, working_tree=working_tree)
    assert source.files["app.py"] == b"first app.py"
    assert sorted(each.name for each in project.parent.iterdir()) == ["hook", "my project"]
    assert (project / ".git/index").read_bytes() == index, "reading writes nothing"


def no_repository(project: Path) -> None:
    shutil.rmtree(project / ".git")


def no_commit(project: Path) -> None:
    no_repository(project)
    git(project, "init", "--quiet")


@pytest.mark.parametrize("lose", [no_repository, no_commit])
def test_without_a_commit_only_the_application_is_delivered_and_only_on_request(
    project: Path, lose: Callable[[Path], None]
) -> None:
    lose(project)
    write(project, ".env.local", "application-code/.cache/x")
    with pytest.raises(SourceError, match=r"my project has no commit .*\n.*WORKTREE=1"):
        read_source(project)
    source = read_source(project, working_tree=True)
    assert source.files.keys() == {"application-code/Dockerfile"}
    assert "outside of application-code" in source.left_out[0]


def test_the_error_of_git_is_shown(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (project / ".git/config").write_text("[core\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SourceError, match="bad config"):
        read_source(project, working_tree=True)


def test_variables_of_a_git_hook_are_ignored(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert read_source(project).files.keys() == COMMITTED


def test_a_name_is_shown_on_one_line(project: Path) -> None:
    (project / "a\x1b[31m\nb").touch()
    (note,) = read_source(project).left_out
    assert r"a\x1b[31m\nb" in note
    assert note.isprintable()
