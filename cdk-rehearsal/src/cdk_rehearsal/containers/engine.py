"""The container engine of this machine, docker or podman: its command line and its Docker API."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cdk_rehearsal.containers.build_process import run_build_command
from cdk_rehearsal.environment import EVERY_PROCESS, chosen
from cdk_rehearsal.scratch import ScratchDirectory

# The engine belongs to the user: these variables say where it is, and how it reaches registries and
# packages. Each is listed by name, since a prefix like `DOCKER_` would include a DOCKER_PASSWORD.
_VARIABLES = (
    *("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"),
    *("DOCKER_API_VERSION", "DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM"),
    *("BUILDKIT_HOST", "BUILDX_BUILDER", "BUILDX_CONFIG"),
    *("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY"),
    *("CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE", "CONTAINERS_REGISTRIES_CONF"),
    *("CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER", "STORAGE_OPTS", "BUILDAH_ISOLATION"),
    *("REGISTRY_AUTH_FILE", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)

_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
# Podman before 2026 looks for usable layers in every image, and fails if another process removes
# one of them meanwhile. https://github.com/podman-container-tools/buildah/issues/5674
_LOST_LAYER = "layer not known"
_BUILDS = 3
# Generous: a busy machine gets a slow engine, not a failed one.
_COMMAND_SECONDS = 600
_ANSWER_SECONDS = 60
_START_SECONDS = 120
_IDLE_SECONDS = 24 * 60 * 60

_INSTALL = Path(__file__).with_name("install_debian.sh")


class NoEngineError(Exception):
    """This machine cannot run containers; the message says what is missing."""


class EngineError(Exception):
    """A command of the engine failed; the message has its output."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Calls the engine by ``command`` with the environment variables ``settings``."""

    name: str
    command: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the engine's command line."""
        return {**engine_environment(), **self.settings}

    def __call__(self, *arguments: str, timeout: float = _COMMAND_SECONDS) -> str:
        """Run a command and return its output; ``EngineError`` if it fails."""
        result = self.attempt(*arguments, timeout=timeout)
        if result.returncode:
            raise EngineError(
                f"{self.name} {' '.join(arguments)}: exit code {result.returncode}\n"
                f"{result.stdout}{result.stderr}"
            )
        return result.stdout.strip()

    def attempt(
        self, *arguments: str, timeout: float = _COMMAND_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail; repeat a build that lost a layer to another process."""
        command = [*self.command, *arguments]
        if arguments[:1] != ("build",):
            return subprocess.run(
                command,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        for _ in range(_BUILDS):
            done = run_build_command(command, self.environment, timeout=timeout)
            if not done.returncode or _LOST_LAYER not in done.stderr:
                break
        return done

    def has_image(self, image: str) -> bool:
        """Whether the image is on this machine."""
        return self.attempt("image", "inspect", image).returncode == 0


def engine_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for the command line of a container engine."""
    return chosen((*EVERY_PROCESS, *_VARIABLES), shell)


def find_engine(cache: Path) -> Engine:
    """Return docker or podman, whichever answers first; ``NoEngineError`` if none does."""
    reasons = []
    for name in ("docker", "podman"):
        if shutil.which(name) is None:
            reasons.append(f"no {name} command")
            continue
        settings = podman_settings(cache) if name == "podman" else {}
        engine = Engine(name=name, command=(name,), settings=settings)
        try:
            answer = engine.attempt("ps", "--quiet", timeout=_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            reasons.append(f"{name} does not answer within {_ANSWER_SECONDS} s")
            continue
        if answer.returncode == 0:
            return engine
        reasons.append(f"{name} does not work: {answer.stderr.strip()}")
    raise NoEngineError(
        f"no container engine: {'; '.join(reasons)} (on Debian as root: "
        f"sh {shlex.quote(str(_INSTALL))})"
    )


def default_cache() -> Path:
    """Return the folder of CDK_REHEARSAL_CACHE, else one in the user's own cache folder."""
    if folder := os.environ.get("CDK_REHEARSAL_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cdk-rehearsal"


def podman_settings(cache: Path) -> dict[str, str]:
    """Return environment variables for podman; none on an ordinary machine.

    They are for podman that runs as root without systemd, in a sandbox or a CI job. There it lacks
    three things that it expects: systemd, which makes control groups; permission to raise resource
    limits, which it does for every container; and version 2 of control groups, without which crun
    does not work.
    """
    if os.geteuid() != 0 or Path("/run/systemd/system").exists():
        return {}
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / "containers.conf"
    file.write_text(_containers_conf(), encoding="utf-8")
    return {
        "CONTAINERS_CONF_OVERRIDE": str(file.resolve()),  # on top of the machine's own settings
        "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
    }


def _containers_conf() -> str:
    limits = ", ".join(f'"{name}={_hard(of)}:{_hard(of)}"' for name, of in _LIMITS.items())
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
    return (
        f"[containers]\ndefault_ulimits = [{limits}]\n"
        f'[engine]\ncgroup_manager = "cgroupfs"\n{runtime}'
    )


def _hard(limit: int) -> int:
    """Return the highest value that this process may set (-1 means no limit, also to podman)."""
    return resource.getrlimit(limit)[1]


@contextmanager
def docker_host(engine: Engine) -> Iterator[str]:
    """Give the value of DOCKER_HOST; podman serves its API until the end of the block."""
    if engine.name == "docker":
        endpoint = "{{.Endpoints.docker.Host}}"
        yield os.environ.get("DOCKER_HOST") or engine("context", "inspect", "--format", endpoint)
        return
    # The path of a socket may have about 100 characters, so the folder needs a short name.
    with ScratchDirectory("podman") as scratch:
        path = scratch.path / "api.sock"
        service = subprocess.Popen(
            # Of a killed run it ends by itself, after this many seconds without a request.
            [*engine.command, "system", "service", f"--time={_IDLE_SECONDS}", f"unix://{path}"],
            env=engine.environment,
            stderr=subprocess.DEVNULL,  # podman complains when its clients hang up
            start_new_session=True,  # Ctrl-C must not end it before this process has cleaned up
        )
        try:
            _wait_for(path, service)
            yield f"unix://{path}"
        finally:
            service.terminate()
            service.wait()


def _wait_for(path: Path, service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(path):
        if service.poll() is not None or time.monotonic() > deadline:
            raise NoEngineError(f"podman's API did not start: {service.args!r}")
        time.sleep(0.02)


def _answers(path: Path) -> bool:
    # The socket's file exists a moment before podman listens.
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0
