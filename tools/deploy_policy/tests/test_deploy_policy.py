"""The rights of a deploy of the settings, compared with those of another revision."""

import subprocess
from pathlib import Path

import pytest

from cdk_rehearsal import RehearsalError
from tools.deploy_policy.__main__ import policy_of_revision


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, from before there was a deploy policy."""
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / "app.py").write_text("", encoding="utf-8")
    name = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (["init", "-q"], ["add", "."], [*name, "commit", "-q", "-m", "First"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def test_a_revision_that_has_no_deploy_policy_is_named(repository: Path) -> None:
    with pytest.raises(RehearsalError, match="HEAD has no tools/deploy_policy"):
        policy_of_revision("HEAD", None, None, repository=repository)


def test_a_revision_that_does_not_exist_is_named_by_git(repository: Path) -> None:
    with pytest.raises(RehearsalError, match="no-such-commit"):
        policy_of_revision("no-such-commit", None, None, repository=repository)
