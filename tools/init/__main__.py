"""Write the settings of a service, read from its repository: ``python -m tools.init FOLDER``.

Nothing of the repository is run, and a file that is there is left alone unless --force is given.
"""

from tools.command_line import run

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from settings import SettingsError, load_settings
from settings.examples import quoted, sample_env
from settings.redaction import shown_name, shown_value
from tools.init.dockerfile import DockerfileError
from tools.init.proposal import Proposal, Value, dockerfiles, obvious, propose
from tools.init.repository import Repository, SourceError
from tools.local_aws.scratch import ScratchDirectory
from tools.terminal import fill

# The flag of each key that can be asked for or given, and how a question puts it.
_FLAGS: Mapping[str, tuple[str, str]] = {
    "account_number": ("--account", "AWS account (12 digits)"),
    "aws_region": ("--region", "AWS region"),
    "repository_owner": ("--owner", "owner of the repository on GitHub"),
    "repository_name": ("--repository", "name of the repository on GitHub"),
    "repository_branch": ("--branch", "branch that is delivered"),
    "container_port": ("--port", "port that the container listens on"),
    "folder_path": ("--folder", "folder that docker builds, from the top of the repository"),
    "service_name": ("--service-name", "name of the service in ECS and in DNS"),
    "health_check_command": ("--health-check", "command that checks the container; empty: none"),
    "seed_image": ("--seed-image", "image that runs until the first delivery"),
    "connection_arn": ("--connection-arn", "connection to GitHub, instead of a token"),
    "github_token_secret_name": ("--token-secret", "name of the secret with the GitHub token"),
    "stack_prefix": ("--stack-prefix", "what the names of the stacks begin with"),
}
_DOCKERFILE_FLAG = "--dockerfile"
_NAMED_ALIKE = ("container_name", "ecr_repository_name")
_KEY_WIDTH = 20
_WIDEST_VALUE = 30
_NO_REMOTE = "the repository has no remote on github.com"
_INDENT = 4
_CANNOT = 2


class InitError(Exception):
    """No file is written; the message says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file and return the exit code."""
    options = _parser().parse_args(arguments)
    target = Path(options.env_file)
    try:
        _require_free(target, force=options.force)
        proposal = _proposal(options)
        _ask(proposal)
        proposal.settle()
        _drop_unusable_check(proposal)
        text = _text(proposal.values, proposal.later)
        _require_usable(text)
        _write(target, text, force=options.force)
    except (InitError, SourceError, DockerfileError) as error:
        print(f"error: {error}\nNothing was written.", file=sys.stderr)
        return _CANNOT
    _report(proposal, target)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.init", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("source", type=Path, help="a folder in the git repository of the service")
    parser.add_argument("--env-file", default=".env", help="the file that is written")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")
    parser.add_argument(
        _DOCKERFILE_FLAG, metavar="PATH", help="which Dockerfile, from the top of the repository"
    )
    for key, (flag, question) in _FLAGS.items():
        parser.add_argument(flag, dest=key, metavar="TEXT", help=question)
    return parser


def _require_free(target: Path, *, force: bool) -> None:
    shown = shown_name(str(target))
    if target.is_dir():
        raise InitError(f"{shown} is a folder")
    if not force and os.path.lexists(target):
        raise InitError(
            f"{shown} is there already; --force (FORCE=1) replaces it, --env-file (ENV_FILE=) "
            "writes another"
        )


# --- What is known, and what is asked -------------------------------------------------------------


def _proposal(options: argparse.Namespace) -> Proposal:
    repository = Repository(options.source)
    given = {key: getattr(options, key) for key in _FLAGS if getattr(options, key) is not None}
    if name := given.get("service_name"):
        given |= dict.fromkeys(_NAMED_ALIKE, name)
    path = _dockerfile(repository, options.dockerfile)
    try:
        return propose(repository, path, given)
    except DockerfileError as error:
        raise InitError(f"{shown_name(path)}: {error}") from None


def _dockerfile(repository: Repository, given: str | None) -> str:
    if given is not None:
        path = os.path.normpath(given)
        if path not in repository.files:
            raise InitError(f"{shown_name(path)} is not in commit {repository.commit}")
        return path
    paths = dockerfiles(repository)
    if not paths:
        raise InitError(
            f"there is no Dockerfile in commit {repository.commit}; "
            f"{_DOCKERFILE_FLAG} names one that is called otherwise"
        )
    if len(paths) == 1:
        return paths[0]
    likeliest = obvious(repository, paths)
    listed = "\n".join(f"  {number:>3}  {path}" for number, path in enumerate(paths, start=1))
    if not sys.stdin.isatty():
        if likeliest is None:
            raise InitError(f"of several Dockerfiles {_DOCKERFILE_FLAG} says which:\n{listed}")
        print(f"Of {len(paths)} Dockerfiles {likeliest} is taken; {_DOCKERFILE_FLAG} says which.\n")
        return likeliest
    print(f"There are several Dockerfiles:\n{listed}")
    default = paths.index(likeliest or paths[0]) + 1
    while True:
        reply = _reply(f"Which one? [{default}] ") or str(default)
        if reply.isdecimal() and 0 < int(reply) <= len(paths):
            return paths[int(reply) - 1]
        print(f"  expected a number from 1 to {len(paths)}")


def _ask(proposal: Proposal) -> None:
    """Ask for what is missing, on a terminal, until each reply is one that the settings take."""
    missing = proposal.missing
    if missing and not sys.stdin.isatty():
        width = max(len(_FLAGS[key][0]) for key in missing)
        lines = [f"  {_FLAGS[key][0]:<{width}}  {_FLAGS[key][1]}" for key in missing]
        why = f"{_NO_REMOTE}; " if "repository_owner" in missing else ""
        raise InitError("\n".join([f"{why}without a terminal these are needed:", *lines]))
    if "repository_owner" in missing:
        print(f"{_NO_REMOTE.capitalize()}.")
    for key in missing:
        while True:
            proposal.values[key] = Value(_reply(f"{_FLAGS[key][1]}: "), "your reply")
            problem = _problems(_text(proposal.values)).get(key)
            if problem is None:
                break
            print(f"  {problem}")


def _drop_unusable_check(proposal: Proposal) -> None:
    """Keep no check for later that the settings would not take, such as one with a password."""
    if proposal.later:
        checked = {**proposal.values, "health_check_command": Value(proposal.later, "")}
        if "health_check_command" in _problems(_text(checked)):
            proposal.later = ""


def _reply(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        raise InitError("the questions are not answered; every one of them has a flag") from None


# --- The file -------------------------------------------------------------------------------------


def _text(values: Mapping[str, Value], later: str = "") -> str:
    # What is still to be asked for is not judged yet.
    texts = {"repository_owner": "owner", **{key: value.text for key, value in values.items()}}
    text = sample_env(**texts)
    if later:
        line = f"# After the first delivery: health_check_command={quoted(later)}"
        text = text.replace("\nhealth_check_command=", f"\n{line}\nhealth_check_command=", 1)
    return text


def _problems(text: str) -> dict[str, str]:
    """Return what the settings say of the text, by key."""
    with ScratchDirectory("init") as scratch:
        path = scratch.path / ".env"
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
        f"  {key}{f' ({_FLAGS[key][0]})' if key in _FLAGS else ''}: {message}"
        for key, message in problems.items()
    ]
    raise InitError("\n".join(["the settings do not take what was found:", *lines]))


def _write(target: Path, text: str, *, force: bool) -> None:
    """Have the whole file there or none, and never write through a link."""
    try:
        written = target.with_name(f".{target.name}.{os.getpid()}") if force else target
        with written.open("x", encoding="utf-8") as file:  # fails if it is there by now
            try:
                file.write(text)
                file.flush()
                if force:
                    written.replace(target)
            except OSError:
                written.unlink()
                raise
    except FileExistsError:
        raise InitError(f"{shown_name(str(target))} is there already") from None
    except OSError as error:
        shown = shown_name(str(target))
        raise InitError(f"{shown} cannot be written ({error.strerror})") from None


def _report(proposal: Proposal, target: Path) -> None:
    shown = {key: shown_value(value.text) or "(not shown)" for key, value in proposal.in_order()}
    width = min(max(map(len, shown.values())), _WIDEST_VALUE)
    for key, value in proposal.in_order():
        begin = f"  {key:<{_KEY_WIDTH}}  {shown[key]:<{width}}  "
        print(fill(begin, value.origin, indent=_INDENT + _KEY_WIDTH))
    print()
    for note in proposal.notes():
        first, *lines = note.splitlines()
        print(fill("- ", first, indent=2))
        print("".join(f"    {line}\n" for line in lines), end="")
    name = shown_name(str(target))
    print(f"\n{name} is written; what is not listed above is as in sample.env.")


if __name__ == "__main__":
    run(main)
