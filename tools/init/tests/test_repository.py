"""What init reads in a repository. The engine's tests show that git runs nothing of it."""

from pathlib import Path

import pytest

from cdk_rehearsal.pipelines.source_tree import SourceError
from tools.init.repository import Remote, Repository, github_repository
from tools.init.tests.conftest import commit, git, make_repository

ACME = ("acme", "orders")


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://github.com/acme/orders.git", ACME),
        ("https://me:ghp_secret@github.com/acme/orders/", ACME),
        ("git@github.com:acme/orders.git", ACME),
        ("ssh://git@ssh.github.com:443/acme/orders.git", ACME),
        ("https://gitlab.com/acme/orders.git", None),
        ("https://github.com.evil.com/acme/orders", None),
    ],
)
def test_owner_and_name_of_an_address(url: str, named: tuple[str, str] | None) -> None:
    assert github_repository(url) == named


def test_remote_and_branch(tmp_path: Path) -> None:
    folder = make_repository(tmp_path, {"services/orders/Dockerfile": "FROM x"})
    repository = Repository(folder / "services")
    assert repository.remote == Remote("acme", "orders", "origin")
    assert repository.branch == ("main", "current branch")
    assert repository.prefix == "services"
    assert repository.has(".")
    assert repository.has("services/orders")
    assert not repository.has("orders")
    git(folder, "update-ref", "refs/remotes/origin/release/1", "HEAD")
    git(folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release/1")
    assert Repository(folder).branch == ("release/1", "default branch of origin")
    git(folder, "remote", "remove", "origin")
    git(folder, "checkout", "--quiet", "--detach")
    assert (Repository(folder).remote, Repository(folder).branch) == (None, None)


def test_no_repository_no_commit(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="in no git repository"):
        Repository(tmp_path)
    git(tmp_path, "init", "--quiet")
    with pytest.raises(SourceError, match="has no commit"):
        Repository(tmp_path)


def test_only_committed_files_are_read_and_no_links_and_nothing_huge(tmp_path: Path) -> None:
    folder = make_repository(tmp_path, {"Dockerfile": "FROM committed", "huge": "#" * 100_000})
    (folder / "link").symlink_to("/etc/passwd")
    commit(folder)
    (folder / "Dockerfile").write_text("FROM edited", "utf-8")
    repository = Repository(folder)
    assert repository.read("Dockerfile") == "FROM committed"
    with pytest.raises(SourceError, match="link is a link"):
        repository.read("link")
    with pytest.raises(SourceError, match="huge has 100,000 bytes; at most 65,536"):
        repository.read("huge")


def test_git_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git would fetch a missing object from this remote, by a command of its choice."""
    ran, trap = tmp_path / "ran", tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{ran}'\n", "utf-8")
    trap.chmod(0o755)
    folder = make_repository(tmp_path, {"Dockerfile": "FROM x"})
    for key, value in {
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{trap}",
        "remote.origin.uploadpack": str(trap),
        "protocol.ext.allow": "always",
    }.items():
        git(folder, "config", key, value)
    monkeypatch.setenv("GIT_DIR", str(tmp_path))  # nor does the shell choose another repository
    repository = Repository(folder)
    assert repository.remote is None
    assert repository.branch == ("main", "current branch")
    name = repository.files["Dockerfile"]
    (folder / ".git" / "objects" / name[:2] / name[2:]).unlink()
    with pytest.raises(SourceError):
        repository.read("Dockerfile")
    assert not ran.exists()
