"""Runs a buildspec as CodeBuild does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.pipeline.build_shell import BuildShell
from tools.rehearsal.pipeline.buildspec import Buildspec


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """``failure`` is empty, or says what failed; ``artifact`` holds the files by path.

    A failed build may have an artifact all the same: CodeBuild collects what is there, and only
    CodePipeline does not hand it on.
    """

    failure: str
    artifact: Mapping[str, bytes]
    log: str

    @property
    def succeeded(self) -> bool:
        """Whether every command went well and every artifact file was there."""
        return not self.failure


def run_build(buildspec: Buildspec, *, source: Path, environment: Mapping[str, str]) -> BuildResult:
    """Run the commands of all phases in one shell, in ``source``, then collect the artifact.

    ``environment`` is all that the build sees: the project's variables, which win over those of
    the buildspec, and those that CodeBuild sets. Not played: ``finally``, reports, caches, and the
    variable CODEBUILD_BUILD_SUCCEEDING.
    """
    variables = {**buildspec.variables, **environment}
    with ScratchDirectory("log") as scratch:
        log = scratch.path / "log"
        with BuildShell(buildspec.shell, folder=source, environment=variables, log=log) as shell:
            failure = _run_phases(buildspec, shell)
        artifact: dict[str, bytes] = {}
        for pattern in buildspec.artifact_files:
            found = dict(_files(source / buildspec.artifact_folder, pattern))
            if not found and not failure:
                failure = f"UPLOAD_ARTIFACTS: no file matches {pattern}"
            artifact |= found
        return BuildResult(failure=failure, artifact=artifact, log=log.read_text("utf-8"))


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


def _files(folder: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob(pattern)):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()
