"""A build: the commands of a buildspec, run in one shell as CodeBuild runs them."""

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cdk_rehearsal.containers.build_process import BUILD_END_SECONDS
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.scratch import ScratchDirectory

_PHASES = ("install", "pre_build", "build", "post_build")
_MOST_CHARACTERS = 1_000_000
_END_SECONDS = 3 * BUILD_END_SECONDS  # the `docker` also names images
_NEVER_EXPORTED = "AWS_"
"""https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html, exported-variables"""


class BuildspecError(RehearsalError):
    """A buildspec cannot be read, or has a key that is not supported here; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """``aborts`` if a failed command ends the build, and not only the phase."""

    name: str
    commands: tuple[str, ...]
    aborts: bool


@dataclass(frozen=True, kw_only=True)
class Buildspec:
    """The phases in their order, the variables of the buildspec, and the names to export."""

    shell: str
    variables: Mapping[str, str]
    phases: tuple[Phase, ...]
    exported: tuple[str, ...]


def parse_buildspec(text: str) -> Buildspec:
    """Read a buildspec of version 0.2.

    It refuses every key that ``run_build`` would ignore, because the build would then differ from
    that of CodeBuild. It ignores ``artifacts``: the action of the pipeline has no output artifact.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"the buildspec is no YAML: {error}") from None
    except RecursionError:
        raise BuildspecError("the buildspec has too many lists or mappings in each other") from None
    _require_bounded(content)
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


def _require_bounded(content: object) -> None:
    """Refuse a buildspec whose aliases (*name) repeat more than fits into memory."""
    pending, size = [content], 0
    while pending:
        each = pending.pop()
        size += 1 + (len(each) if isinstance(each, str) else 0)
        if size > _MOST_CHARACTERS:
            raise BuildspecError(f"the buildspec has more than {_MOST_CHARACTERS:,} characters")
        if isinstance(each, list):
            pending += each
        elif isinstance(each, dict):
            pending += each.values()


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """``failure`` says which command failed; it is empty if none did.

    ``exported`` are the values, at the end of the build, of those variables that the buildspec
    exports and that are set.
    """

    failure: str
    exported: Mapping[str, str]
    log: str


def run_build(buildspec: Buildspec, *, source: Path, environment: Mapping[str, str]) -> BuildResult:
    """Run the commands of all phases in one shell, in the folder ``source``.

    ``environment`` is the whole environment of the build; its variables win over those of the
    buildspec. Not supported: ``finally``, reports, caches, and CODEBUILD_BUILD_SUCCEEDING.
    """
    variables = {**buildspec.variables, **environment}
    with ScratchDirectory("log") as scratch:
        state = scratch.path
        (state / "script").write_text("\n".join(_script(buildspec, state)), encoding="utf-8")
        with (state / "log").open("wb") as log:
            shell = subprocess.Popen(
                [buildspec.shell, str(state / "script")],
                cwd=source,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            status = _wait(shell)
        at_end = _read(state / "environment").split("\0")
        variables = dict(entry.split("=", 1) for entry in at_end if "=" in entry)
        return BuildResult(
            failure=_failure(state, status),
            exported={name: variables[name] for name in buildspec.exported if name in variables},
            log=_read(state / "log"),
        )


def _wait(shell: subprocess.Popen[bytes]) -> int:
    """Return the status of the shell; whatever its commands have started ends with it.

    Ctrl-C reaches only this process, because the shell has a session of its own. The command that
    runs then gets SIGTERM and time to clean up.
    """
    try:
        return shell.wait()
    except BaseException:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                shell.wait(_END_SECONDS)
        raise
    finally:
        with suppress(ProcessLookupError, PermissionError):  # nothing is left of it
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


def _script(buildspec: Buildspec, state: Path) -> Iterator[str]:
    """Yield the lines of a script that runs all commands, and keeps files in ``state``.

    ``command`` has the phase and the command that runs or that has failed, and "end" if all is
    well; ``status`` that of the command that has failed; ``environment`` the variables at the end.
    """
    command, status, environment = (
        shlex.quote(str(state / name)) for name in ("command", "status", "environment")
    )
    yield f"trap 'env -0 > {environment}' EXIT"
    yield "trap 'exit 143' TERM"  # after the command that runs has ended
    for phase in buildspec.phases:
        yield "for _ in once; do"
        for each in phase.commands:
            named = shlex.quote(f"{phase.name}\n{each.rstrip()}")
            yield f"[ -e {status} ] || printf '%s' {named} > {command}"
            # Neither in an `if` nor before `||`: there `set -e` has no effect in the command.
            yield f"eval {shlex.quote(each)}"
            yield "CODEBUILD_LAST=$?"
            yield 'if [ "$CODEBUILD_LAST" != 0 ]; then'
            yield f'  [ -e {status} ] || echo "$CODEBUILD_LAST" > {status}'
            yield '  exit "$CODEBUILD_LAST"' if phase.aborts else "  break"
            yield "fi"
        yield "done"
    yield f"[ -e {status} ] || printf end > {command}"


def _failure(state: Path, status: int) -> str:
    """Return which command has failed first, or has ended the shell; empty if none."""
    phase, _, command = _read(state / "command").partition("\n")
    if phase == "end":
        return ""
    failed_with = _read(state / "status").strip() or status or 1
    return f"{phase}: exit status {failed_with} of\n{command}"


def _read(file: Path) -> str:
    return file.read_text("utf-8", "replace") if file.exists() else ""


def build_environment(
    project: Mapping[str, Any],
    *,
    commit: str,
    number: int,
    initiator: str,
    source_version: str,
    secret: Callable[[str], str],
) -> dict[str, str]:
    """Return the variables of a CodeBuild project, and those that CodeBuild adds.

    ``project`` is as the API returns it; ``number`` counts the builds of the project; ``secret``
    returns the text of a secret by its ARN. Credentials and PATH are not among the variables.
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


def _value(variable: Mapping[str, str], secret: Callable[[str], str]) -> str:
    kind, value = variable.get("type", "PLAINTEXT"), variable["value"]
    if kind == "PLAINTEXT":
        return value
    if kind != "SECRETS_MANAGER":
        raise ValueError(f"{variable['name']}: type {kind} is not supported here")
    # https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html, secrets-manager
    parts = value.split(":")
    arn, (key, stage, version) = ":".join(parts[:7]), [*parts[7:], "", "", ""][:3]
    if stage or version:
        raise ValueError(f"{variable['name']}: a version of a secret is not supported here")
    text = secret(arn)
    return str(json.loads(text)[key]) if key else text
