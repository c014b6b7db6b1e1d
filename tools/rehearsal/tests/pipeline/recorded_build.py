"""A build with recording stand-ins for everything that it calls outside."""

import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.rehearsal.pipeline.build import (
    BuildResult,
    build_environment,
    parse_buildspec,
    run_build,
)
from tools.rehearsal.pipeline.source_tree import read_source
from tools.rehearsal.tests.pipeline.sides import Sides
from tools.repository import ROOT

COMMIT = "4f2a9c1e0b7d63a5f8e2c4d1b0a997e6f5c3d281"
PASSWORD = "the password"  # noqa: S105 - of recording.sh
DIGEST = f"sha256:{'5' * 64}"
"""Of every image that is pushed, by recording.sh."""


@dataclass(frozen=True)
class RecordedBuild:
    """What came out, and every call of ``docker`` and ``aws``, in order, as words."""

    result: BuildResult
    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def calls(self) -> list[list[str]]:
        recorded = self.folder / "bin" / "calls"
        text = recorded.read_text(encoding="utf-8") if recorded.exists() else ""
        return [call.split("\x1f") for call in text.split("\x1f\n")[:-1]]

    def docker(self, command: str) -> list[list[str]]:
        """The words after ``docker <command>`` of each such call."""
        return [words[2:] for words in self.calls if words[:2] == ["docker", command]]

    @property
    def password(self) -> str:
        return (self.folder / "bin" / "password").read_text(encoding="utf-8").strip()


def record_build(
    sides: Sides, folder: Path, *, number: int = 1, failing: str = ""
) -> RecordedBuild:
    """Run the buildspec with the variables of the project and of CodeBuild, and no others.

    ``failing`` is a pattern of the call that ends with an error.
    """
    source, binaries = folder / "source", folder / "bin"
    for path, content in _application().items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(content)
    binaries.mkdir()
    for name in ("docker", "aws"):
        shutil.copy(Path(__file__).with_name("recording.sh"), binaries / name)
        (binaries / name).chmod(0o755)
    if failing:
        (binaries / "failing").write_text(failing, encoding="utf-8")
    variables = build_environment(
        sides.project, commit=COMMIT, number=number, initiator="codepipeline/x", source_version="x"
    )
    environment = _host(binaries, source) | variables
    result = run_build(parse_buildspec(sides.buildspec), source=source, environment=environment)
    return RecordedBuild(result, folder)


@cache
def _application() -> dict[str, bytes]:
    """Return what git tracks of it, and so nothing that another tool writes meanwhile."""
    files = read_source(ROOT, working_tree=True).files
    return {path: files[path] for path in files if path.startswith("application-code/")}


def _host(binaries: Path, home: Path) -> dict[str, str]:
    return {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "HOME": str(home)}
