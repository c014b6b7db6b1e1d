"""What is read of a repository, and that nothing of it is run."""

import os
from pathlib import Path

import pytest

from tools.init.repository import Remote, Repository, SourceError, github_repository
from tools.init.tests.conftest import Made, git

ACME = ("acme", "orders")


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://github.com/acme/orders.git", ACME),
        ("https://github.com/acme/orders", ACME),
        ("https://github.com/acme/orders/", ACME),
        ("https://me:ghp_secret@github.com/acme/orders.git", ACME),
        ("git@github.com:acme/orders.git", ACME),
        ("github.com:acme/orders", ACME),
        ("ssh://git@github.com/acme/orders.git", ACME),
        ("ssh://git@ssh.github.com:443/acme/orders.git", ACME),
        ("git://GitHub.com/acme/my.orders.git", ("acme", "my.orders")),
        ("https://gitlab.com/acme/orders.git", None),
        ("https://github.com.evil.com/acme/orders", None),
        ("https://github.com/acme/group/orders", None),
        ("../orders", None),
        ("/srv/git/orders.git", None),
        ("ext::sh -c 'touch ran'", None),
        ("https://github.com/acme/or\x1b[2Jders", None),
        ("", None),
    ],
)
def test_owner_and_name_of_an_address(url: str, named: tuple[str, str] | None) -> None:
    assert github_repository(url) == named


def test_the_remote_and_the_branch(made: Made) -> None:
    repository = Repository(made("FROM x"))
    assert repository.remote == Remote("acme", "orders", "origin")
    assert repository.branch == ("main", "current branch")
    assert repository.prefix == "."


def test_the_remote_of_the_branch_comes_before_origin(made: Made) -> None:
    folder = made("FROM x")
    git(folder, "remote", "add", "fork", "git@github.com:me/orders.git")
    git(folder, "config", "branch.main.remote", "fork")
    assert Repository(folder).remote == Remote("me", "orders", "fork")


def test_the_default_branch_of_the_remote_comes_before_the_current_one(made: Made) -> None:
    folder = made("FROM x")
    git(folder, "update-ref", "refs/remotes/origin/release/1", "HEAD")
    git(folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release/1")
    assert Repository(folder).branch == ("release/1", "default branch of origin")


def test_no_remote_and_a_detached_head(made: Made) -> None:
    folder = made("FROM x", remote=None)
    git(folder, "checkout", "--quiet", "--detach")
    repository = Repository(folder)
    assert repository.remote is None
    assert repository.branch is None


def test_a_folder_below_the_top(made: Made) -> None:
    folder = made({"services/orders/Dockerfile": "FROM x", "README": ""})
    repository = Repository(folder / "services" / "orders")
    assert repository.prefix == "services/orders"
    assert repository.has("services/orders")
    assert repository.has("services/orders/Dockerfile")
    assert not repository.has("services/order")
    assert set(repository.files) == {"services/orders/Dockerfile", "README"}


def test_no_folder_no_repository_no_commit(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no folder"):
        Repository(tmp_path / "none")
    with pytest.raises(SourceError, match="not a git repository"):
        Repository(tmp_path)
    git(tmp_path, "init", "--quiet")
    with pytest.raises(SourceError, match="has no commit"):
        Repository(tmp_path)


def test_only_what_is_committed_counts(made: Made) -> None:
    folder = made("FROM committed")
    (folder / "Dockerfile").write_text("FROM edited", "utf-8")
    (folder / "new").touch()
    repository = Repository(folder)
    assert repository.read("Dockerfile") == "FROM committed"
    assert not repository.has("new")


def test_links_lead_to_committed_files_and_nowhere_else(made: Made, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("FROM secret", "utf-8")
    folder = made({"docker/web": "FROM web"})
    (folder / "Dockerfile").symlink_to("docker/web")
    (folder / "out").symlink_to(secret)
    (folder / "up").symlink_to("../secret")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "links")
    repository = Repository(folder)
    assert repository.read("Dockerfile") == "FROM web"
    for path in ("out", "up"):
        with pytest.raises(SourceError, match="is not in commit"):
            repository.read(path)


def test_text_that_is_no_utf_8_can_be_read(made: Made) -> None:
    repository = Repository(made({"Dockerfile": b"# caf\xe9\nFROM x\n"}))
    assert repository.read("Dockerfile") == "# caf\ufffd\nFROM x\n"


def test_a_huge_file_is_not_read(made: Made) -> None:
    repository = Repository(made("#" * 2_000_000))
    with pytest.raises(SourceError, match="1 MiB"):
        repository.read("Dockerfile")


def test_nothing_of_the_repository_is_run(made: Made, tmp_path: Path) -> None:
    """Whatever git can be told to call in the configuration of a repository."""
    ran = tmp_path / "ran"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{ran}'\ncat\n", "utf-8")
    trap.chmod(0o755)
    folder = made({"Dockerfile": "FROM x", ".gitattributes": "* filter=trap diff=trap\n"})
    for key in (
        *("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.gitProxy"),
        *("core.askPass", "core.alternateRefsCommand", "gpg.program", "diff.external"),
        *("filter.trap.smudge", "filter.trap.clean", "filter.trap.process", "diff.trap.textconv"),
        *("remote.origin.uploadpack", "uploadpack.packObjectsHook", "credential.helper"),
        *("alias.ls-tree", "alias.remote", "pager.ls-tree", "pager.config", "pager.remote"),
    ):
        git(folder, "config", key, f"!{trap}" if key.startswith("alias") else str(trap))
    for name in (
        "post-index-change",
        "reference-transaction",
        "post-checkout",
        "fsmonitor-watchman",
    ):
        hook = folder / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_bytes(trap.read_bytes())
        hook.chmod(0o755)
    # An object that is not there, which git would get from the remote by a command of its choice.
    git(folder, "config", "extensions.partialClone", "origin")
    git(folder, "config", "remote.origin.promisor", "true")
    git(folder, "config", "remote.origin.url", f"ext::{trap}")
    git(folder, "config", "protocol.ext.allow", "always")
    (folder / "touched").touch()
    repository = Repository(folder)
    assert repository.remote is None
    assert repository.branch == ("main", "current branch")
    name = repository.files["Dockerfile"]
    assert repository.read("Dockerfile") == "FROM x"
    (folder / ".git" / "objects" / name[:2] / name[2:]).unlink()
    with pytest.raises(SourceError):
        repository.read("Dockerfile")
    assert not ran.exists()


def test_the_shell_has_no_say_in_which_repository_it_is(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made("FROM x")
    monkeypatch.setenv("GIT_DIR", os.fspath(tmp_path))
    assert Repository(folder).read("Dockerfile") == "FROM x"
