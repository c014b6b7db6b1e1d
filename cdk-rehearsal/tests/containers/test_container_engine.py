"""Finding a container engine, running its commands, and calling its API."""

import socket
from pathlib import Path

import pytest

from cdk_rehearsal.containers import (
    Engine,
    NoEngineError,
    docker_host,
    find_engine,
)


def test_without_an_engine_the_error_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoEngineError, match=r"no docker command; no podman .*install_debian\.sh"):
        find_engine(tmp_path)


def test_for_an_engine_that_fails_the_error_has_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho the daemon is not running >&2\nexit 1\n", encoding="utf-8")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoEngineError, match="docker does not work: the daemon is not running"):
        find_engine(tmp_path)


@pytest.mark.parametrize(
    ("command", "said", "runs"),
    [
        ("build", "getting top layer info: layer not known", 3),
        ("build", "no such file", 1),
        ("rmi", "layer not known", 1),
    ],
)
def test_a_build_that_lost_a_layer_to_another_process_is_repeated(
    command: str, said: str, runs: int, tmp_path: Path
) -> None:
    script = f"echo run >> '{tmp_path}/runs'; echo '{said}' >&2; exit 125"
    engine = Engine(name="podman", command=("sh", "-c", script))
    done = engine.attempt(command, ".")
    assert (done.returncode, done.stderr) == (125, f"{said}\n")
    assert len((tmp_path / "runs").read_text("utf-8").splitlines()) == runs


def test_its_docker_api_answers_until_the_end_of_the_block(engine: Engine) -> None:
    with docker_host(engine) as host:
        path = host.removeprefix("unix://")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(300)
            client.connect(path)
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            assert b"200 OK" in client.recv(1024)

    assert engine.name == "docker" or not Path(path).exists()
