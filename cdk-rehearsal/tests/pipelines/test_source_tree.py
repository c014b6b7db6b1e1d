"""The source of a delivery: the commit, and nothing else that is in the folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cdk_rehearsal.pipelines.source_tree import SourceError, read_source

IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
COMMITTED = {".gitignore", "app.py", "application-code/Dockerfile"}


def git(folder: Path, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent)}
    command = ["git", *IDENTITY, *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


AS_TEXT = "1 symbolic link: run: CodePipeline delivers the name of its target as a text file"


def commit_all(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a commit")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a commit, in a folder with a space in its name."""
    folder = tmp_path / "my project"
    (folder / "application-code").mkdir(parents=True)
    for path in ("app.py", "application-code/Dockerfile"):
        (folder / path).write_text(f"first {path}", encoding="utf-8")
    (folder / ".gitignore").write_text(".cache/\n", encoding="utf-8")
    (folder / "run").symlink_to("app.py")
    git(folder, "init", "--quiet")
    commit_all(folder)
    return folder


def test_uncommitted_changes_are_named_and_delivered_only_on_request(project: Path) -> None:
    (project / "added.py").touch()
    git(project, "add", "added.py")
    (project / "app.py").write_text("changed", encoding="utf-8")
    (project / "application-code/Dockerfile").unlink()
    source = read_source(project)
    assert source.origin.startswith("commit ")
    assert source.files.keys() == COMMITTED
    assert source.files["app.py"] == b"first app.py"
    note, _ = source.left_out
    assert note.startswith("3 uncommitted changes: added.py, app.py, application-code/Dockerfile ")
    on_disk = read_source(project, working_tree=True)
    assert on_disk.files.keys() == {".gitignore", "app.py", "added.py"}
    assert on_disk.files["app.py"] == b"changed"
    assert on_disk.left_out == (AS_TEXT,)


@pytest.mark.parametrize("working_tree", [False, True])
def test_files_that_git_does_not_deliver_are_named(project: Path, *, working_tree: bool) -> None:
    commit = "4f2a9c1e0b7d63a5f8e2c4d1b0a997e6f5c3d281"
    git(project, "update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/it")
    git(project, "commit", "--quiet", "--message", "a submodule")
    (project / "vendor/it").mkdir(parents=True)
    (project / "a\x1b[31m\nb").touch()
    (project / ".cache").mkdir()
    (project / ".cache/x").touch()
    source = read_source(project, working_tree=working_tree)
    assert source.files.keys() == COMMITTED
    untracked, submodule, links = source.left_out
    assert links == AS_TEXT
    assert source.delivered["run"] == b"app.py"
    assert untracked.startswith(r"1 untracked file: a\x1b[31m\nb ")
    assert submodule == "1 submodule: vendor/it"
    (project / os.fsdecode(b"caf\xe9")).touch()
    commit_all(project)
    with pytest.raises(SourceError, match="not UTF-8: caf"):
        read_source(project, working_tree=working_tree)


@pytest.mark.parametrize("working_tree", [False, True])
def test_links_are_not_followed(project: Path, *, working_tree: bool) -> None:
    (project / "out").symlink_to("../outside/secret")
    (project / "loop").symlink_to("loop")
    commit_all(project)
    (project.parent / "outside").mkdir()
    (project.parent / "outside" / "Dockerfile").touch()
    shutil.rmtree(project / "application-code")
    (project / "application-code").symlink_to("../outside")
    source = read_source(project, working_tree=working_tree)
    assert source.links == {"run": "app.py", "out": "../outside/secret", "loop": "loop"}
    assert ("application-code/Dockerfile" in source.files) is not working_tree


@pytest.mark.parametrize("working_tree", [False, True])
def test_git_runs_no_program_of_the_repository(project: Path, *, working_tree: bool) -> None:
    git(project, "config", "filter.one.required", "true")
    git(project, "config", "filter.one.clean", "touch ../clean; cat")
    git(project, "config", "filter.two.process", "touch ../process; cat")
    hook = project.parent / "hook"
    hook.write_text("#!/bin/sh\ntouch ../hooked\n", encoding="utf-8")
    hook.chmod(0o755)
    git(project, "config", "core.fsmonitor", str(hook))
    attributes = "app.py filter=one\nDockerfile filter=two\n"
    (project / ".git/info/attributes").write_text(attributes, encoding="utf-8")
    os.utime(project / "app.py", (1, 1))
    index = (project / ".git/index").read_bytes()
    source = read_source(project, working_tree=working_tree)
    assert source.files["app.py"] == b"first app.py"
    assert sorted(each.name for each in project.parent.iterdir()) == ["hook", "my project"]
    assert (project / ".git/index").read_bytes() == index, "reading writes nothing"


def test_without_a_repository_only_the_application_is_delivered_and_only_on_request(
    project: Path,
) -> None:
    shutil.rmtree(project / ".git")
    (project / "application-code/.cache").mkdir()
    (project / "application-code/.cache/x").touch()
    with pytest.raises(SourceError, match=r"my project has no commit .*\n.*WORKTREE=1"):
        read_source(project)
    source = read_source(project, working_tree=True)
    assert source.files.keys() == {"application-code/Dockerfile"}
    assert "outside of application-code" in source.left_out[0]


def test_variables_of_a_git_hook_are_ignored(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert read_source(project).files.keys() == COMMITTED
