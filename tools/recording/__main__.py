"""Record `make init`, `make rehearse` and `make call`: ``python -m tools.recording``.

They run in a copy of what is committed here, for a service beside it that has the code of the
sample; the playground and the deploy that the call needs are made in between. Nothing is written
outside of temporary folders but the picture.
"""

from tools.command_line import run

import argparse
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir

from settings.examples import ACCOUNT, REGION
from tools.container_engine.engine import engine_environment
from tools.local_aws.scratch import ScratchDirectory
from tools.recording.drawing import scenes_of, svg
from tools.recording.session import Line, Scene, SessionError, record
from tools.repository import ROOT

SVG = ROOT / "docs" / "recording.svg"
_DEPLOY = "npx cdk deploy --all --require-approval never"
_BEFORE_A_CALL = ("in another terminal: make playground; and against it:", _DEPLOY)
_SAMPLE = "application-code/ecsdemo-backend"
_REMOTE = "https://github.com/acme/orders.git"
_READY = "docs/playground.md"
# What make compares to know whether something has to be installed; not later than it is here.
_STAMPS = ("requirements*.lock", "tools/requirements.lock", "package-lock.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the picture and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.recording", description=__doc__)
    parser.add_argument(
        "--redraw",
        action="store_true",
        help="run nothing: draw anew what is in the picture that is there",
    )
    given = parser.parse_args(arguments)
    try:
        scenes = scenes_of(SVG.read_text(encoding="utf-8")) if given.redraw else _recorded()
    except SessionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    SVG.write_text(svg(scenes), encoding="utf-8")
    print(f"{SVG.relative_to(ROOT)}  {SVG.stat().st_size / 1024:.0f} kB")
    return 0


def _recorded() -> tuple[Scene, ...]:
    with ScratchDirectory("recording") as scratch:
        folder = _checkout(scratch.path)
        _service(scratch.path / "orders")
        environment = engine_environment() | {
            "PATH": os.pathsep.join([str(folder / ".venv" / "bin"), os.environ["PATH"]]),
            "TERM": "xterm-256color",
        }
        init = _shown("make init SOURCE=../orders", folder, environment, (ACCOUNT, REGION))
        # Before the rehearsal, which takes minutes: without a container engine there is no call.
        with _playground(folder, environment) as exported:
            inside = environment | exported
            _prepare(_DEPLOY, folder, inside)
            call = replace(_shown("make call", folder, inside), notes=_BEFORE_A_CALL)
        rehearse = _shown("make rehearse", folder, environment)
        elsewhere = (scratch.path, ROOT, Path(gettempdir()))
        return published([init, rehearse, call], folder, elsewhere)


def _shown(
    command: str, folder: Path, environment: Mapping[str, str], replies: Sequence[str] = ()
) -> Scene:
    print(f"  $ {command}", flush=True)
    return record(command, folder, environment, replies)


def _checkout(scratch: Path) -> Path:
    """Clone what is committed here, with what is installed here."""
    folder = scratch / "ecs-blueprint"
    _git("clone", "--quiet", str(ROOT), str(folder))
    for pattern in _STAMPS:
        for lock in ROOT.glob(pattern):
            shutil.copystat(lock, folder / lock.relative_to(ROOT))
    for installed in (".venv", "node_modules"):
        (folder / installed).symlink_to(ROOT / installed)
    with (folder / ".git" / "info" / "exclude").open("a") as ignored:
        ignored.write(".venv\nnode_modules\n")
    return folder


def _service(folder: Path) -> None:
    """Make a repository of a service: the sample's code, as somebody else would have it."""
    shutil.copytree(ROOT / _SAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    _git("init", "--quiet", "--initial-branch=main", str(folder))
    _git("-C", str(folder), "remote", "add", "origin", _REMOTE)
    _git("-C", str(folder), "add", ".")
    identity = ("-c", "user.name=A developer", "-c", "user.email=developer@example.com")
    _git("-C", str(folder), *identity, "commit", "--quiet", "--message=Orders")


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, stdin=subprocess.DEVNULL)


@contextmanager
def _playground(folder: Path, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Have a playground in the background; yield what it says that one exports."""
    print("    make playground", flush=True)
    with subprocess.Popen(
        ["make", "playground"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said = ""
            for line in process.stdout or ():
                said += line
                if _READY in line:
                    break
            else:
                raise SessionError(f"make playground ended:\n{said}")
            if "make call" not in said:
                raise SessionError(f"a call needs a container engine:\n{said}")
            found = re.findall(r"^  export (\w+)=(.*)$", said, re.MULTILINE)
            secrets = re.findall(r"^  (aws secretsmanager .*)$", said, re.MULTILINE)
            exported = {name: "".join(shlex.split(value)) for name, value in found}
            for command in secrets:
                _prepare(command, folder, environment | exported)
            yield exported
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.communicate()


def _prepare(command: str, folder: Path, environment: Mapping[str, str]) -> None:
    print(f"    {command}", flush=True)
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SessionError(f"{command}: exit status {done.returncode}\n{done.stdout}")


def published(scenes: Sequence[Scene], here: Path, folders: Sequence[Path]) -> tuple[Scene, ...]:
    """Return the scenes without a path or name of this machine.

    A path is told from ``here``, where the commands ran; of a value that has another one, or a
    name, an ellipsis stays. Raise if one is elsewhere, or an account that is not the example's.
    """
    names = {*map(str, folders), str(Path.home()), socket.gethostname()} - {"/", "localhost"}
    private = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, sorted(names)))})(?!\w)")

    def without_values(line: Line) -> Line:
        words = (
            f"{word.partition('=')[0]}=…" if "=" in word and private.search(word) else word
            for word in re.split(r"(\s+)", line.text.replace(f"{here}/", ""))
        )
        return replace(line, text="".join(words))

    shown = tuple(replace(s, lines=tuple(map(without_values, s.lines))) for s in scenes)
    for line in (line for scene in shown for line in scene.lines):
        accounts = set(re.findall(r"\b\d{12}\b", line.text)) - {ACCOUNT}
        if found := sorted({*accounts, *private.findall(line.text)}):
            raise SessionError(f"this would be published: {found} in {line.text!r}")
    return shown


if __name__ == "__main__":
    run(main)
