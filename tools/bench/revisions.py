"""Another revision beside the one that is checked out: what people wait for, in turns.

Each is cloned into a folder of its own, with a home folder of its own, and called by its ``make``
targets. No container engine is in reach, so that both do the same. What is installed is downloaded:
the time of the first run is also that of the registries.
"""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.local_aws.process_environment import process_environment
from tools.progress.terminal import LiveLine

FIRST, AGAIN, TESTS = "the first make rehearse", "make rehearse again", "make test"
_TARGETS = {FIRST: "rehearse", AGAIN: "rehearse", TESTS: "test"}
_LAST_LINES = 20
# Where a user tells pip and npm which registries to ask, through what, and whom to trust.
_SETTINGS = {"PIP_CONFIG_FILE": ".config/pip/pip.conf", "NPM_CONFIG_USERCONFIG": ".npmrc"}
_REGISTRIES = (
    *("PIP_", "NPM_CONFIG_", "npm_config_", "SSL_CERT_", "NODE_EXTRA_CA_CERTS"),
    *("REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy"),
)


class RevisionError(Exception):
    """A revision is not known, or one of its targets failed; the message says what was printed."""


@dataclass(frozen=True)
class Taken:
    """What a target took: seconds, seconds of all processors, and MB on disk afterwards."""

    seconds: float
    processor: float
    megabytes: float


def compare(
    repository: Path,
    revisions: Sequence[str],
    folder: Path,
    *,
    tests: bool,
    progress: LiveLine,
) -> dict[str, dict[str, Taken]]:
    """Return by revision, a full name, what each target took; ``RevisionError`` if one fails.

    ``folder`` is empty; its path must not have spaces, which earlier revisions did not bear.
    """
    environment = _environment(folder)
    clones = {each: _clone(repository, each, folder / f"revision-{each[:7]}") for each in revisions}
    taken: dict[str, dict[str, Taken]] = {each: {} for each in revisions}
    for what in (FIRST, AGAIN, *((TESTS,) if tests else ())):
        for revision, clone in clones.items():
            progress.show(f"  … {what} of {revision[:7]}")
            home = _home(clone)
            took = _timed(clone, _TARGETS[what], environment | {"HOME": str(home)})
            taken[revision][what] = Taken(*took, _megabytes(clone) + _megabytes(home))
            progress.keep(f"  ✓ {what} of {revision[:7]}: {took[0]:.0f} s")
    return taken


def ratios(taken: Mapping[str, Taken], base: Mapping[str, Taken]) -> dict[str, dict[str, float]]:
    """Return what the targets of a revision took, divided by what those of the other one took."""
    kinds: dict[str, Callable[[Taken], float]] = {
        "time": lambda t: t.seconds,
        "processor time": lambda t: t.processor,
        "disk": lambda t: t.megabytes,
    }
    return {
        what: {kind: of(here) / of(base[what]) for kind, of in kinds.items()}
        for what, here in taken.items()
    }


def commit_of(repository: Path, revision: str) -> str:
    """Return the full name of a commit; raise ``RevisionError`` if there is none."""
    try:
        return _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except RevisionError:
        raise RevisionError(f"{revision} is no commit of this repository") from None


def _clone(repository: Path, revision: str, clone: Path) -> Path:
    _git(repository, "clone", "--quiet", str(repository), str(clone))
    # On a branch: some tests clone what they are in.
    _git(clone, "switch", "--quiet", "--create=measured", revision)
    _home(clone).mkdir()
    return clone


def _home(clone: Path) -> Path:
    return clone.with_name(f"home-{clone.name}")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RevisionError(done.stderr)
    return done.stdout.strip()


def _environment(folder: Path) -> dict[str, str]:
    commands, temporary = folder / "bin", folder / "tmp"
    commands.mkdir()
    temporary.mkdir()
    for engine in ("docker", "podman"):
        (commands / engine).write_text("#!/bin/sh\necho 'out of reach' >&2\nexit 1\n")
        (commands / engine).chmod(0o755)
    settings = {name: Path.home() / path for name, path in _SETTINGS.items()}
    return {
        **process_environment(),
        **{name: value for name, value in os.environ.items() if name.startswith(_REGISTRIES)},
        **{name: str(path) for name, path in settings.items() if path.is_file()},
        "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        # Whatever another revision leaves or takes for its own is in our folder.
        "TMPDIR": str(temporary),
        "CI": "1",
    }


def _timed(clone: Path, target: str, environment: Mapping[str, str]) -> tuple[float, float]:
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["make", target],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-_LAST_LINES:])
        raise RevisionError(f"make {target} of {clone.name} failed:\n{last}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, processor


def _megabytes(folder: Path) -> float:
    files = (file.lstat() for file in folder.rglob("*"))
    # As du counts: blocks of 512 bytes, a file with several names once.
    return sum({stat.st_ino: stat.st_blocks for stat in files}.values()) * 512 / 1e6
