"""What a container of an image does, seen from outside: the image may hold nothing but its program.

The engine tells the exit code and the output, and a helper container that shares the network of the
container tells where it listens.
"""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cdk_rehearsal.containers import Engine, EngineError, TaskContainers, label_options

KILLED = 137
_SECRET = "made-up"  # noqa: S105 - what stands for every secret of the user
_CHECK_SECONDS = 60.0  # the longest timeout of a health check in ECS
_LAST_LINES = 15
_LONGEST_OUTPUT = 300
_POLL_SECONDS = 0.5
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - where a service should listen
# Shells and container run times add 128 to the number of a signal, and have two codes of their own.
_MEANINGS = {
    126: "a command cannot be executed",
    127: "a command is not in the image",
    KILLED: "killed by SIGKILL",
    139: "segmentation fault",
    143: "ended by SIGTERM",
}


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What a container does.

    ``exit_code`` is None while it runs; ``listening`` has the addresses and ports at which it
    accepts connections; ``check`` is the exit code and the output of its health check; ``answer``
    is what a call of the path of that check gets, such as "HTTP 404 at /", or empty.
    """

    exit_code: int | None
    listening: Sequence[tuple[str, int]] = ()
    check: tuple[int, str] | None = None
    lines: Sequence[str] = ()
    answer: str = ""

    def why_no_answer(self, port: int) -> str:
        """Say why the container does not answer at a port."""
        if self.exit_code is not None:
            return f"it has ended with {exit_code(self.exit_code)}"
        here = [address for address, at in self.listening if at == port]
        if _EVERYWHERE & {*here} and self.answer:
            return f"it listens on port {port}, and its answer is {self.answer}"
        if _EVERYWHERE & {*here}:
            return f"it listens on port {port}, and answers nothing"
        if here:
            return (
                f"it listens on {', '.join(here)} only, which no other container and no other task "
                "reaches"
            )
        if self.ports:
            return f"it listens on port {', '.join(map(str, self.ports))}, not on {port}"
        return "it runs, and listens on no port"

    @property
    def ports(self) -> list[int]:
        """The ports at which it listens, in their order."""
        return sorted({port for _, port in self.listening})


def exit_code(code: int) -> str:
    """Return an exit code with its meaning, if it has a common one."""
    meaning = _MEANINGS.get(code)
    return f"exit code {code}" + (f" ({meaning})" if meaning else "")


def examine(
    containers: TaskContainers, container: str, check: Sequence[str] | None = None
) -> Examination | None:
    """Examine a container; run its health check once if it has one.

    None if the container has ended and is removed already, as those of tasks are.
    """
    engine = containers.engine
    found = json.loads(engine.attempt("inspect", container).stdout or "[]")
    if not found:
        return None
    (state,) = found
    if not state["State"]["Running"]:
        code = int(state["State"]["ExitCode"])
        return Examination(exit_code=code, lines=_last_lines(engine, container))
    return Examination(
        exit_code=None,
        listening=containers.listening(container),
        check=_run_check(engine, container, check) if check else None,
        lines=_last_lines(engine, container),
    )


def examine_image(
    containers: TaskContainers,
    image: str,
    definition: Mapping[str, Any],
    port: int,
    seconds: float,
    path: str = "",
    family: str = "",
) -> Examination:
    """Start a container as ECS would start a task of the container definition, and examine it.

    It has so many seconds to listen on the port or to end. ``path`` is what its check calls there.
    It calls AWS with the role of the tasks that run of the ``family``.
    """
    engine, network = containers.engine, containers.network
    check = (definition.get("healthCheck") or {}).get("command")
    environment = [f"--env={e['name']}={e['value']}" for e in definition.get("environment", [])]
    environment += [f"--env={e['name']}={_SECRET}" for e in definition.get("secrets", [])]
    started = engine.attempt(
        *("run", "--detach", *label_options(network.labels)),
        *(*containers.as_task_of(family), *environment),
        *(f"--network={network.name}", f"--dns={network.resolver}", image),
    )
    if started.returncode:
        return Examination(exit_code=started.returncode, lines=started.stderr.splitlines())
    container = started.stdout.strip()
    try:
        deadline = time.monotonic() + seconds
        while True:
            seen = examine(containers, container, check)
            if seen is None:
                raise EngineError(f"somebody else has removed the container {container}")
            done = seen.exit_code is not None or port in {at for _, at in seen.listening}
            if done or time.monotonic() > deadline:
                if path and seen.exit_code is None:
                    return replace(seen, answer=containers.answer(container, port, path))
                return seen
            time.sleep(_POLL_SECONDS)
    finally:
        # podman's rm would wait ten seconds for a command that ignores SIGTERM.
        engine.attempt("kill", "--signal=KILL", container)
        engine.attempt("rm", "--force", "--volumes", container)


def _last_lines(engine: Engine, container: str) -> list[str]:
    said = engine.attempt("logs", "--tail", str(_LAST_LINES), container)
    return [line.rstrip() for line in (said.stdout + said.stderr).splitlines() if line.strip()]


def _run_check(engine: Engine, container: str, check: Sequence[str]) -> tuple[int, str]:
    kind, *words = check
    command = ["/bin/sh", "-c", words[0]] if kind == "CMD-SHELL" else words
    try:
        done = engine.attempt("exec", container, *command, timeout=_CHECK_SECONDS)
    except subprocess.TimeoutExpired:
        return KILLED, f"it takes longer than {_CHECK_SECONDS:g} s"
    said = " ".join((done.stdout + done.stderr).split())
    return done.returncode, said[-_LONGEST_OUTPUT:]
