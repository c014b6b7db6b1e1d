"""A container of the user's image, looked at from outside, and what its developer should hear.

The image may hold nothing but the service. So what is looked at is what the engine tells, and what
a container beside it sees that shares its network.
"""

import inspect
import json
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.container_engine import Engine
from tools.container_engine.ownership import label_options
from tools.rehearsal.containers.context import ContainerContext
from tools.rehearsal.containers.in_container import probe
from tools.rehearsal.containers.tasks_as_containers import SEED
from tools.rehearsal.expectation import RehearsalError

LAST_LINES = 15
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - where the user's service may listen
_START_SECONDS = 20.0
_CHECK_SECONDS = 10.0
_POLL_SECONDS = 0.5
_LONGEST_OUTPUT = 300
KILLED = 137
# As shells and container run times have it: 128 and the number of the signal, and two of their own.
_MEANINGS = {
    126: "its command cannot be executed",
    127: "its command is not in the image",
    KILLED: "killed by SIGKILL",
    139: "segmentation fault",
    143: "ended by SIGTERM",
}
_URL_OF_CHECK = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])"
    r"(?::(?P<port>[0-9]+|\$\w+))?(?P<path>/[^\s\"'|;&)]*)?"
)
_ANY_PROGRAM = ("run", "--rm", "--entrypoint=python")


class ImageError(RehearsalError):
    """The user's image does not do what the service needs; said for whoever develops it."""

    def __init__(self, what: str, *, expected: str, found: str, lines: Sequence[str] = ()) -> None:
        said = "".join(f"\n    | {line}" for line in lines)
        heading = "\n  its last lines" if said else "\n  it has printed nothing"
        super().__init__(f"{what}\n  expected  {expected}\n  found     {found}{heading}{said}")


@dataclass(frozen=True, kw_only=True)
class Examination:
    """``exit_code`` is None while it runs; ``check`` is the exit code and the output of its check.

    ``listening`` are the addresses and ports at which something accepts connections.
    """

    exit_code: int | None
    listening: Sequence[tuple[str, int]] = ()
    check: tuple[int, str] | None = None
    lines: Sequence[str] = ()

    def found(self, port: int) -> str:
        """Say why nobody gets an answer at a port."""
        if self.exit_code is not None:
            return f"it has ended with {exit_code(self.exit_code)}"
        here = [address for address, at in self.listening if at == port]
        others = sorted({at for _, at in self.listening if at != port})
        if _EVERYWHERE & {*here}:
            return (
                f"it listens on port {port}, and answers nothing within {probe.TIMEOUT_SECONDS:g} s"
            )
        if here:
            return (
                f"it listens on {', '.join(here)} only, which no other container and no other task "
                "reaches"
            )
        if others:
            return f"it listens on port {', '.join(map(str, others))}, not on {port}"
        return "it runs, and listens on no port"

    def remedy(self, port: int) -> str:
        """Say what to change, if that can be told."""
        here = [address for address, at in self.listening if at == port]
        others = sorted({at for _, at in self.listening if at != port})
        if self.exit_code is None and not here and others:
            return (
                f'container_port="{others[0]}" in the settings, or a service that takes its port '
                "from SERVICE_PORT"
            )
        return ""


def exit_code(code: int) -> str:
    """Return an exit code, and what it means if that is agreed upon."""
    meaning = _MEANINGS.get(code)
    return f"exit code {code}" + (f" ({meaning})" if meaning else "")


def health_path(check: Sequence[str] | None, port: int) -> str:
    """Return the path that a health check asks over HTTP; empty if it does not."""
    match = _URL_OF_CHECK.search(" ".join(check or ()))
    if match is None:
        return ""
    asked = match["port"] or "80"
    return (match["path"] or "/") if asked in {str(port), "$SERVICE_PORT"} else ""


def ask(
    context: ContainerContext, host: str, port: int, path: str, seconds: float
) -> tuple[dict[str, str], dict[str, str]]:
    """Ask a service by its name, from a container of its own; return answers and failures.

    Both by address, or by name if that does not resolve.
    """
    network = context.network
    said = context.engine(
        *(*_ANY_PROGRAM, *label_options(network.labels)),
        *(f"--network={network.name}", f"--dns={network.resolver}"),
        *(SEED, "-Ic", _source(), "call", host, str(port), path, str(seconds)),
        timeout=seconds + 60,
    )
    told = json.loads(said.splitlines()[-1])
    return told["answers"], told["failures"]


def examine(
    context: ContainerContext, container: str, check: Sequence[str] | None = None
) -> Examination:
    """Look at a container that runs, or has run."""
    engine = context.engine
    (state,) = json.loads(engine("inspect", container))
    lines = last_lines(engine, container)
    if not state["State"]["Running"]:
        return Examination(exit_code=int(state["State"]["ExitCode"]), lines=lines)
    said = engine.attempt(
        *(*_ANY_PROGRAM, *label_options(context.network.labels)),
        *(f"--network=container:{container}", SEED),
        *("-Ic", _source(), "listening"),
    )
    listening = json.loads(said.stdout.splitlines()[-1]) if said.returncode == 0 else []
    return Examination(
        exit_code=None,
        listening=[(address, port) for address, port in listening],
        check=_checked(engine, container, check),
        lines=last_lines(engine, container),
    )


def examine_image(
    context: ContainerContext, image: str, definition: Mapping[str, Any], port: int
) -> Examination:
    """Start a container of an image as its task would be, and look at it when it has had time."""
    engine, network = context.engine, context.network
    check = (definition.get("healthCheck") or {}).get("command")
    environment = [f"--env={e['name']}={e['value']}" for e in definition.get("environment", [])]
    environment += [f"--env={secret['name']}=made-up" for secret in definition.get("secrets", [])]
    started = engine.attempt(
        *("run", "--detach", *label_options(network.labels), *environment),
        *(f"--network={network.name}", f"--dns={network.resolver}", image),
    )
    if started.returncode:
        return Examination(exit_code=started.returncode, lines=started.stderr.splitlines())
    container = started.stdout.strip()
    try:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            seen = examine(context, container, check)
            done = seen.exit_code is not None or port in {at for _, at in seen.listening}
            if done or time.monotonic() > deadline:
                return seen
            time.sleep(_POLL_SECONDS)
    finally:
        engine.attempt("rm", "--force", "--volumes", container)


def last_lines(engine: Engine, container: str) -> list[str]:
    """Return what a container has printed last."""
    said = engine.attempt("logs", "--tail", str(LAST_LINES), container)
    return [line.rstrip() for line in (said.stdout + said.stderr).splitlines() if line.strip()]


def _checked(engine: Engine, container: str, check: Sequence[str] | None) -> tuple[int, str] | None:
    """Run a health check by hand; return its exit code and what it says."""
    if not check:
        return None
    kind, *words = check
    command = ["/bin/sh", "-c", words[0]] if kind == "CMD-SHELL" else words
    try:
        done = engine.attempt("exec", container, *command, timeout=_CHECK_SECONDS)
    except subprocess.TimeoutExpired:
        return KILLED, f"it takes longer than {_CHECK_SECONDS:g} s"
    said = " ".join((done.stdout + done.stderr).split())
    return done.returncode, said[-_LONGEST_OUTPUT:]


def _source() -> str:
    return inspect.getsource(probe)
