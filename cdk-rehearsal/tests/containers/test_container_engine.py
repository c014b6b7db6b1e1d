"""Finding a container engine, and running its commands."""

from pathlib import Path

import pytest

from cdk_rehearsal.containers import NoEngineError, find_engine


def test_without_an_engine_that_works_the_error_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoEngineError, match=r"no docker command; no podman .*install_debian\.sh"):
        find_engine(tmp_path)
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho the daemon is not running >&2\nexit 1\n", encoding="utf-8")
    docker.chmod(0o755)
    with pytest.raises(NoEngineError, match="docker does not work: the daemon is not running"):
        find_engine(tmp_path)
