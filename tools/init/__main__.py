"""Write the settings of a service, read from its repository: ``make init SOURCE=<folder>``.

``COPILOT=<manifest.yml>`` reads the manifest of a Copilot Backend Service before the repository.

It runs nothing of the repository, and replaces a settings file only with FORCE=1.
"""

from tools.command_line import run

import argparse
import os
import posixpath
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cdk_rehearsal.pipelines.source_tree import SourceError
from cdk_rehearsal.terminal import fill
from settings import SettingsError, load_settings
from settings.examples import quoted, sample_env
from settings.model import PRIVATE_KEYS
from settings.redaction import shown_name, shown_value
from tools.init.copilot import Manifest, ManifestError
from tools.init.dockerfile import DockerfileError
from tools.init.proposal import LATER, SERVICE_NAMES, Proposal, Value, dockerfiles, propose
from tools.init.repository import Repository
from tools.service_choice import note_source

# For each key its flag, and what it is.
_FLAGS: Mapping[str, tuple[str, str]] = {
    "account_number": ("--account", "AWS account (12 digits)"),
    "aws_region": ("--region", "AWS region"),
    "repository_owner": ("--owner", "owner of the repository on GitHub"),
    "repository_name": ("--repository", "name of the repository on GitHub"),
    "repository_branch": ("--branch", "branch that is delivered"),
    "container_port": ("--port", "port that the container listens on"),
    "service_name": ("--service-name", "name of the service in ECS and in DNS"),
}
# The variables of make for these two flags; the others go into OPTIONS.
_MAKE_VARIABLES = {"account_number": "ACCOUNT=", "aws_region": "REGION="}
_REQUIRED = [key for key in _FLAGS if key != "service_name"]
_CHOOSE_DOCKERFILE = 'OPTIONS="--dockerfile <path>"'


class InitError(Exception):
    """No file is written; the message says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file and return the exit code."""
    options = _parser().parse_args(arguments)
    target = Path(options.env_file)
    try:
        manifest = Manifest(options.copilot, options.copilot_env)
        source = options.source or manifest.workspace
        if source is None:
            raise InitError(
                "add SOURCE=<folder of the service's repository>, or COPILOT=<manifest.yml>"
            )
        _require_free(target, force=options.force)
        repository = Repository(source)
        values = _given(options)
        manifest.translate(source, _texts(values))
        _drop_refused(manifest, values)
        path, context = manifest.image_build(repository.prefix)
        dockerfile = _dockerfile(repository, options.dockerfile or path)
        context = "" if options.dockerfile else context
        proposal = propose(repository, dockerfile, manifest.values | values, context)
        _require_all(proposal.values)
        proposal.choose_first_image()
        text = _text(proposal.values, proposal.later)
        _require_usable(text)
    except (InitError, SourceError, DockerfileError, ManifestError) as error:
        print(f"error: {error}\nNothing was written.", file=sys.stderr)
        return 2
    _write(target, text)
    note_source(target, source)
    _report(proposal, target, manifest.nearest)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.init", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "source", type=Path, nargs="?", help="a folder in the git repository of the service"
    )
    parser.add_argument("--copilot", type=Path, help="the manifest of a Copilot Backend Service")
    parser.add_argument("--copilot-env", metavar="NAME", help="an environment of the manifest")
    parser.add_argument("--env-file", default=".env", help="the file that is written")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")
    parser.add_argument(
        "--dockerfile", metavar="PATH", help="the Dockerfile, from the top of the repository"
    )
    for key, (flag, question) in _FLAGS.items():
        parser.add_argument(flag, dest=key, metavar="TEXT", help=question)
    return parser


def _require_free(target: Path, *, force: bool) -> None:
    if not force and os.path.lexists(target):
        shown = shown_name(str(target))
        raise InitError(
            f"{shown} exists already; FORCE=1 replaces it, ENV_FILE=<file> writes another"
        )


def _named(key: str) -> str:
    """Return how the user gives a value to make."""
    return _MAKE_VARIABLES.get(key) or f'OPTIONS="{_FLAGS[key][0]} <value>"'


# --- What is known --------------------------------------------------------------------------------


def _given(options: argparse.Namespace) -> dict[str, Value]:
    texts = {key: getattr(options, key) for key in _FLAGS}
    if name := texts["service_name"]:
        texts |= dict.fromkeys(SERVICE_NAMES, name)
    return {key: Value(text, "given") for key, text in texts.items() if text is not None}


def _drop_refused(manifest: Manifest, values: dict[str, Value]) -> None:
    """Leave out what the settings refuse, until they refuse nothing of the manifest."""
    while refused := {
        key: problem
        for key, problem in _problems(_text(manifest.values | values)).items()
        if key in manifest.values and key not in values
    }:
        for key, problem in refused.items():
            manifest.drop(key, problem)


def _dockerfile(repository: Repository, given: str) -> str:
    if given:
        path = os.path.normpath(given)
        if path not in repository.files:
            raise InitError(f"{shown_name(path)} is not in commit {repository.commit}")
        return path
    paths = dockerfiles(repository)
    if not paths:
        raise InitError(
            f"commit {repository.commit} has no Dockerfile, which the pipeline builds; add one "
            "(for an image from elsewhere: FROM and its name)"
        )
    if len(paths) == 1:
        return paths[0]
    listed = "\n".join(["There are several Dockerfiles:", *(f"  {shown_name(p)}" for p in paths)])
    top = posixpath.normpath(posixpath.join(repository.prefix, "Dockerfile"))
    if top not in paths:
        raise InitError(f"{listed}\nChoose one by {_CHOOSE_DOCKERFILE}")
    print(f"{listed}\nThis is about {top}; {_CHOOSE_DOCKERFILE} chooses another.\n")
    return top


def _require_all(values: Mapping[str, Value]) -> None:
    missing = [key for key in _REQUIRED if key not in values]
    if missing:
        width = max(len(_named(key)) for key in missing)
        lines = [f"  {_named(key):<{width}}  {_FLAGS[key][1]}" for key in missing]
        raise InitError("\n".join(["these values are missing; add:", *lines]))


# --- The file -------------------------------------------------------------------------------------


def _texts(values: Mapping[str, Value]) -> dict[str, str]:
    return {key: value.text for key, value in values.items()}


def _text(values: Mapping[str, Value], later: str = "") -> str:
    # The settings need an owner, which the user may not have given yet.
    text = sample_env(**{"repository_owner": "owner", **_texts(values)})
    if later:
        line = f"{LATER}health_check_command={quoted(later)}"
        text = text.replace("\nhealth_check_command=", f"\n{line}\nhealth_check_command=", 1)
    return text


def _problems(text: str) -> dict[str, str]:
    """Return the problems that the settings find in the text, by key."""
    with tempfile.TemporaryDirectory(prefix="ecs-blueprint-init-") as folder:
        path = Path(folder) / ".env"
        path.write_text(text, encoding="utf-8")
        try:
            load_settings(path)
        except SettingsError as error:
            return {problem.key: problem.message for problem in error.problems}
    return {}


def _require_usable(text: str) -> None:
    problems = _problems(text)
    if not problems:
        return
    lines = [
        f"  {key}{f' ({_named(key)})' if key in _FLAGS else ''}: {message}"
        for key, message in problems.items()
    ]
    raise InitError("\n".join(["the settings refuse these values:", *lines]))


def _write(target: Path, text: str) -> None:
    """Write the file. A link is replaced, and not the file that it leads to.

    A write that fails, as on a full disk, leaves the file that is there.
    """
    new = target.with_name(f"{target.name}.new")
    with new.open("x", encoding="utf-8") as file:  # another file of this name is not ours
        file.write(text)
    new.replace(target)


def _report(proposal: Proposal, target: Path, nearest: Mapping[str, str]) -> None:
    width = max(map(len, proposal.values))
    for key, value in proposal.values.items():
        is_private = key in PRIVATE_KEYS and value.text
        shown = (not is_private and shown_value(value.text)) or "(not shown)"
        print(f"  {key:<{width}}  {shown:<30}  {value.origin}")
    if nearest:
        print("\nIn the manifest, but not in the settings, and what comes nearest:")
    for key, what in nearest.items():
        print(fill(f"  {shown_name(key)}: ", what, indent=4))
    print()
    for note in proposal.notes():
        print(fill("- ", note, indent=2))
    name = shown_name(str(target))
    print(f"\n{name} is written; what is not listed above is as in sample.env.")
    print(f"Next: make rehearse{'' if name == '.env' else f' ENV_FILE={name}'}")


if __name__ == "__main__":
    run(main)
