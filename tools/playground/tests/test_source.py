"""What a playground delivers: the repository that was named, at its HEAD or at a commit."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools.playground import __main__ as playground
from tools.playground.pipelines import PipelineWorker

ACTION = {"outputArtifacts": [{"name": "Source"}]}


class Artifacts(dict[str, Any]):
    def put(self, _access: object, name: str, files: dict[str, bytes], _links: object) -> None:
        self[name] = files


def git(folder: Path, *arguments: str) -> str:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    done = subprocess.run(
        ["git", *author, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "orders"
    (folder / "server").mkdir(parents=True)
    git(folder, "init", "-q")
    for version in ("1", "2"):
        (folder / "server" / "version").write_text(version)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", version)
    (folder / "server" / "version").write_text("3")
    return folder


@pytest.mark.parametrize(
    ("commit", "tree", "version"),
    [("", False, b"2"), ("", True, b"3"), ("HEAD~1", False, b"1"), ("HEAD~1", True, b"1")],
)
def test_a_pipeline_is_given_the_repository_that_was_named(
    repository: Path, commit: str, tree: bool, version: bytes
) -> None:
    aws = SimpleNamespace(client=lambda _: None)
    context: Any = SimpleNamespace(
        aws=aws, report=None, delivered_from=repository, working_tree=tree
    )
    worker, artifacts = PipelineWorker(context, SimpleNamespace()), Artifacts()  # type: ignore[arg-type]
    named = git(repository, "rev-parse", commit) if commit else ""
    worker._source(ACTION, None, artifacts, named)  # type: ignore[arg-type]  # noqa: SLF001 - what it does for a job
    assert artifacts["Source"] == {"server/version": version}


def test_a_folder_in_a_repository_means_the_repository_and_no_repository_is_said(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[Path] = []

    class StartedError(Exception):
        pass

    def start(*_: object, source: Path, **__: object) -> None:
        started.append(source)
        raise StartedError

    monkeypatch.setattr(playground, "Playground", start)
    monkeypatch.chdir(repository)
    with pytest.raises(StartedError):
        playground.main(["--source", "server"])
    assert started == [repository]
    assert playground.main(["--source", str(repository.parent)]) == 1
    assert playground.main(["--source", str(repository / "nothing")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"error: {repository.parent}: it is in no git repository"
    assert said[1].endswith("nothing is no folder")
