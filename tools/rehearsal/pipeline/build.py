"""A build: a buildspec, run as CodeBuild runs it, in one shell with CodeBuild's variables."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.expectation import RehearsalError

_PHASES = ("install", "pre_build", "build", "post_build")
_ENDED_BY_A_COMMAND = 1
_NEVER_EXPORTED = "AWS_"
"""https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html, exported-variables"""


class BuildspecError(RehearsalError):
    """The buildspec is none, or asks for what is not supported here; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """``commands`` in their order; ``aborts`` if the build ends when one of them fails."""

    name: str
    commands: tuple[str, ...]
    aborts: bool


@dataclass(frozen=True, kw_only=True)
class Buildspec:
    """What to run, with which variables, and which ones come out of it."""

    shell: str
    variables: Mapping[str, str]
    phases: tuple[Phase, ...]
    exported: tuple[str, ...]


def read_buildspec(declared: str, text_of: Callable[[str], str]) -> Buildspec:
    """Read what a project declares: a buildspec, or the path of one, of which ``text_of`` knows."""
    return parse_buildspec(declared if "\n" in declared else text_of(declared))


def parse_buildspec(text: str) -> Buildspec:
    """Read a buildspec of version 0.2; refuse what would be ignored by ``run_build``.

    A key that CodeBuild knows and this does not would make the build differ from the real one.
    ``artifacts`` are passed over: the action of the pipeline has none to hand on.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"the buildspec is no YAML: {error}") from None
    spec = _mapping("the buildspec", content, {"version", "env", "phases", "artifacts"})
    if str(spec.get("version")) != "0.2":
        raise BuildspecError(f"version {spec.get('version')}: only 0.2 is supported here")
    env = _mapping("env", spec.get("env", {}), {"shell", "variables", "exported-variables"})
    phases = _mapping("phases", spec.get("phases", {}), _PHASES)
    exported = env.get("exported-variables", [])
    if not isinstance(exported, list) or not all(isinstance(name, str) for name in exported):
        raise BuildspecError("env: exported-variables is no list of names")
    if wrong := [name for name in exported if name.startswith(_NEVER_EXPORTED)]:
        raise BuildspecError(f"env: CodeBuild does not export {', '.join(wrong)}")
    return Buildspec(
        shell=env.get("shell", "sh"),
        variables={name: str(value) for name, value in env.get("variables", {}).items()},
        phases=tuple(_phase(name, phases[name]) for name in _PHASES if name in phases),
        exported=tuple(exported),
    )


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """``failure`` is empty, or says what failed.

    ``exported`` is what BatchGetBuilds gives as ``exportedEnvironmentVariables``: of the names in
    the buildspec those that are set, as they are when the last command has ended.
    """

    failure: str
    exported: Mapping[str, str]
    log: str

    @property
    def succeeded(self) -> bool:
        """Whether every command went well."""
        return not self.failure


def run_build(buildspec: Buildspec, *, source: Path, environment: Mapping[str, str]) -> BuildResult:
    """Run the commands of all phases in one shell, in ``source``, then see what is exported.

    ``environment`` is all that the build sees: the project's variables, which win over those of
    the buildspec, and those that CodeBuild sets. Not supported: ``finally``, reports, caches, and
    the variable CODEBUILD_BUILD_SUCCEEDING.
    """
    variables = {**buildspec.variables, **environment}
    with ScratchDirectory("log") as scratch:
        log = scratch.path / "log"
        with BuildShell(buildspec.shell, folder=source, environment=variables, log=log) as shell:
            failure = _run_phases(buildspec, shell)
            variables = shell.environment(scratch.path / "environment")
        return BuildResult(
            failure=failure,
            exported={name: variables[name] for name in buildspec.exported if name in variables},
            log=log.read_text("utf-8", "replace"),
        )


def build_environment(
    project: Mapping[str, Any],
    *,
    commit: str,
    number: int,
    initiator: str,
    source_version: str,
    secret: Callable[[str], str] | None = None,
) -> dict[str, str]:
    """Return what a CodeBuild project defines, and what CodeBuild adds to it.

    ``project`` is as the API returns it; ``number`` counts the builds of the project. The
    credentials of the project's role and the PATH of its image are not among them. ``secret``
    returns the text of a secret by its ARN.
    """
    name, arn = project["name"], project["arn"]
    region, builds = arn.split(":")[3], arn.replace(":project/", ":build/").rpartition("/")[0]
    identity = f"{name}:rehearsal-{number}"
    return {
        variable["name"]: _value(variable, secret)
        for variable in project["environment"].get("environmentVariables", [])
    } | {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "CODEBUILD_BUILD_ARN": f"{builds}/{identity}",
        "CODEBUILD_BUILD_ID": identity,
        "CODEBUILD_BUILD_IMAGE": project["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(number),
        "CODEBUILD_INITIATOR": initiator,
        "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
        "CODEBUILD_SOURCE_VERSION": source_version,
    }


class BuildShell:
    """One shell for the length of a ``with`` block; both outputs of all its commands go to ``log``.

    The shell reads its commands from a pipe of its own, so that none can swallow the next one from
    its standard input, which is empty.
    """

    def __init__(
        self, shell: str, *, folder: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        commands, self._commands = os.pipe()
        self._statuses, statuses = os.pipe()
        self._report = f"\nprintf '%s\\n' \"$?\" >&{statuses}\n"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [shell, f"/dev/fd/{commands}"],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(commands, statuses),
            )
        os.close(commands)
        os.close(statuses)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._commands)
        os.close(self._statuses)
        self._process.wait()

    def run(self, command: str) -> int:
        """Run a command and return its exit status; a command may end the shell with it."""
        if self._process.poll() is not None:
            return self._process.returncode or _ENDED_BY_A_COMMAND
        # Not in an `if` or before `||`: there `set -e` would have no effect inside the command.
        script = f"eval {shlex.quote(command)}{self._report}"
        with suppress(BrokenPipeError):
            os.write(self._commands, script.encode())
        answer = os.read(self._statuses, 16)
        if answer:
            return int(answer)
        return self._process.wait() or _ENDED_BY_A_COMMAND

    def environment(self, file: Path) -> dict[str, str]:
        """Return what a command would find in its environment; nothing if the shell has ended."""
        self.run(f"env -0 > {shlex.quote(str(file))}")
        text = file.read_text("utf-8", "replace") if file.exists() else ""
        return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def _phase(name: str, content: Any) -> Phase:
    phase = _mapping(name, content, {"commands", "on-failure"})
    on_failure = phase.get("on-failure")
    if on_failure not in (None, "ABORT", "CONTINUE"):
        raise BuildspecError(f"{name}: on-failure {on_failure} is not supported here")
    # Left to itself CodeBuild goes on to post_build after a failed build phase, and only then.
    aborts = on_failure == "ABORT" or (on_failure is None and name != "build")
    commands = tuple(phase.get("commands", ()))
    if not all(isinstance(command, str) for command in commands):
        raise BuildspecError(f"{name}: a command that is not text needs quotes")
    return Phase(name=name, commands=commands, aborts=aborts)


def _mapping(where: str, value: Any, known: Collection[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BuildspecError(f"{where} is not a mapping")
    if unknown := sorted(value.keys() - set(known)):
        raise BuildspecError(f"{where}: {', '.join(unknown)} is not supported here")
    return value


def _run_phases(buildspec: Buildspec, shell: BuildShell) -> str:
    failure = ""
    for phase in buildspec.phases:
        for command in phase.commands:
            if status := shell.run(command):
                failure = failure or f"{phase.name}: exit status {status} of\n{command.rstrip()}"
                if phase.aborts:
                    return failure
                break
    return failure


def _value(variable: Mapping[str, str], secret: Callable[[str], str] | None) -> str:
    kind, value = variable.get("type", "PLAINTEXT"), variable["value"]
    if kind == "PLAINTEXT":
        return value
    if kind != "SECRETS_MANAGER" or secret is None:
        raise ValueError(f"{variable['name']}: type {kind} is not supported here")
    # https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html, secrets-manager
    parts = value.split(":")
    arn, (key, stage, version) = ":".join(parts[:7]), [*parts[7:], "", "", ""][:3]
    if stage or version:
        raise ValueError(f"{variable['name']}: a version of a secret is not supported here")
    text = secret(arn)
    return str(json.loads(text)[key]) if key else text
