"""The source of a delivery: the commit, and nothing else that is in the folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cdk_rehearsal.pipelines.source_tree import SourceError, read_source

IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
COMMITTED = {".gitignore", "app.py", "service/Dockerfile"}


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent)}
    command = ["git", *IDENTITY, *arguments]
    output = subprocess.check_output(command, cwd=folder, env=environment, input=given)
    return output.decode().strip()


AS_TEXT = "1 symbolic link: run: CodePipeline delivers the name of its target as a text file"


def commit_all(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a commit")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a commit, in a folder with a space in its name."""
    folder = tmp_path / "my project"
    (folder / "service").mkdir(parents=True)
    for path in ("app.py", "service/Dockerfile"):
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
    (project / "service/Dockerfile").unlink()
    source = read_source(project)
    assert source.origin.startswith("commit ")
    assert source.files.keys() == COMMITTED
    assert source.files["app.py"] == b"first app.py"
    note, _ = source.left_out
    assert note.startswith("3 uncommitted changes: added.py, app.py, service/Dockerfile ")
    on_disk = read_source(project, working_tree=True)
    assert on_disk.files.keys() == {".gitignore", "app.py", "added.py"}
    assert on_disk.files["app.py"] == b"changed"
    assert on_disk.left_out == (AS_TEXT,)


def test_a_file_below_too_many_folders_is_an_error(project: Path) -> None:
    deep = project / ("d/" * 300)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    commit_all(project)
    with pytest.raises(SourceError, match="is in 300 folders"):
        read_source(project)


def test_a_tree_of_a_million_files_is_an_error(project: Path) -> None:
    """A few small objects are enough for it: each tree names the one below it ten times."""
    blob, kind = git(project, "rev-parse", "HEAD:app.py"), "100644 blob"
    for _ in range(6):
        entries = "".join(f"{kind} {blob}\td{number}\n" for number in range(10))
        blob, kind = git(project, "mktree", given=entries.encode()), "040000 tree"
    git(project, "update-ref", "HEAD", git(project, "commit-tree", "-m", "large", blob))
    with pytest.raises(SourceError, match="its list of files has more than 33,554,432 bytes"):
        read_source(project)


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
    shutil.rmtree(project / "service")
    (project / "service").symlink_to("../outside")
    source = read_source(project, working_tree=working_tree)
    assert source.links == {"run": "app.py", "out": "../outside/secret", "loop": "loop"}
    assert ("service/Dockerfile" in source.files) is not working_tree


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


def test_without_a_repository_nothing_is_delivered(project: Path) -> None:
    shutil.rmtree(project / ".git")
    why = r"my project cannot be delivered: it is in no git repository"
    with pytest.raises(SourceError, match=rf"{why}\n.*the working tree"):
        read_source(project)
    with pytest.raises(SourceError, match=why):
        read_source(project, working_tree=True)
