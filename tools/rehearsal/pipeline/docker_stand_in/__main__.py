"""The command line: ``... docker_stand_in STATE login|build|push ...``."""

import argparse
import sys
from pathlib import Path

from tools.rehearsal.pipeline.docker_stand_in.image_build import BuildRequest, build
from tools.rehearsal.pipeline.docker_stand_in.image_push import push
from tools.rehearsal.pipeline.docker_stand_in.refusal import RefusalError
from tools.rehearsal.pipeline.docker_stand_in.state import State


def main() -> None:
    """Do one command, or exit with a message and a status that is not 0."""
    given = _parser().parse_args()
    state = State(given.state)
    try:
        if given.command == "login":
            _login(state, given.host, given.username)
        elif given.command == "build":
            request = BuildRequest(
                context=given.context, target=given.target, arguments=tuple(given.build_arg)
            )
            build(state, request, given.tag)
        else:
            push(state, given.image)
    except RefusalError as refusal:
        sys.exit(f"docker (a stand-in) {given.command}: {refusal}")


def _login(state: State, host: str, username: str) -> None:
    if not sys.stdin.read().strip():
        raise RefusalError("no password on standard input")
    state.remember("logins", host, username)
    print("Login Succeeded")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docker (a stand-in)", allow_abbrev=False)
    parser.add_argument("state", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    login = commands.add_parser("login", allow_abbrev=False)
    login.add_argument("--username", "-u", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    login.add_argument("host")
    build_command = commands.add_parser("build", allow_abbrev=False)
    build_command.add_argument("--tag", "-t", default="")
    build_command.add_argument("--target", default="")
    build_command.add_argument("--build-arg", action="append", default=[])
    # Taken and not used: there is no registry to take layers from.
    build_command.add_argument("--cache-from", action="append", default=[])
    build_command.add_argument("context", type=Path)
    push_command = commands.add_parser("push", allow_abbrev=False)
    push_command.add_argument("image")
    return parser


if __name__ == "__main__":
    main()
