"""A buildspec, as far as this project can play one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")


class BuildspecError(ValueError):
    """The buildspec asks for something that is not played here; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """``commands`` in their order; ``aborts`` if the build ends when one of them fails."""

    name: str
    commands: tuple[str, ...]
    aborts: bool


@dataclass(frozen=True, kw_only=True)
class Buildspec:
    """What to run, with which variables, and which files of which folder come out of it."""

    shell: str
    variables: Mapping[str, str]
    phases: tuple[Phase, ...]
    artifact_folder: str
    artifact_files: tuple[str, ...]


def parse_buildspec(text: str) -> Buildspec:
    """Read a buildspec of version 0.2; refuse what would be ignored by ``run_build``.

    A key that CodeBuild knows and this does not would make the play differ from the build.
    """
    spec = _mapping(
        "the buildspec", yaml.safe_load(text), {"version", "env", "phases", "artifacts"}
    )
    if str(spec.get("version")) != "0.2":
        raise BuildspecError(f"version {spec.get('version')}: only 0.2 is played")
    env = _mapping("env", spec.get("env", {}), {"shell", "variables"})
    phases = _mapping("phases", spec.get("phases", {}), PHASES)
    artifacts = _mapping("artifacts", spec.get("artifacts", {}), {"base-directory", "files"})
    files = artifacts.get("files", [])
    files = (files,) if isinstance(files, str) else tuple(files)
    if any("$" in file for file in files):
        raise BuildspecError("artifacts: CodeBuild documents no variables in the names of files")
    return Buildspec(
        shell=env.get("shell", "sh"),
        variables={name: str(value) for name, value in env.get("variables", {}).items()},
        phases=tuple(_phase(name, phases[name]) for name in PHASES if name in phases),
        artifact_folder=artifacts.get("base-directory", "."),
        artifact_files=files,
    )


def _phase(name: str, content: Any) -> Phase:
    phase = _mapping(name, content, {"commands", "on-failure"})
    on_failure = phase.get("on-failure")
    if on_failure not in (None, "ABORT", "CONTINUE"):
        raise BuildspecError(f"{name}: on-failure {on_failure} is not played")
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
        raise BuildspecError(f"{where}: {', '.join(unknown)} is not played")
    return value
