"""The build action: a build of the deployed CodeBuild project, run on this machine."""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from cdk_rehearsal.access import Access
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import Action, ArtifactStore, text_of_file
from cdk_rehearsal.pipelines.build import build_environment, parse_buildspec, run_build
from cdk_rehearsal.pipelines.docker import DockerCommand
from cdk_rehearsal.scratch import ScratchDirectory

CODEBUILD = "codebuild.amazonaws.com"

_LOG_LINES = 40


def build(
    root: Access,
    docker: DockerCommand,
    action: Action,
    artifacts: ArtifactStore,
    *,
    commit: str,
    number: int,
) -> Mapping[str, str]:
    """Build the input artifact with the project of an action; return the exported variables.

    The commands, the shell and the AWS CLI are real; ``docker`` describes itself. ``number`` counts
    the builds of the project. ``RehearsalError`` says which command failed, with the last lines of
    the log.
    """
    name = action["configuration"]["ProjectName"]
    project = root.client("codebuild").batch_get_projects(names=[name])["projects"][0]
    # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
    access = root.role(project["serviceRole"], service=CODEBUILD)
    declared = project["source"]["buildspec"]
    source = action["inputArtifacts"][0]["name"]

    def secret(arn: str) -> str:
        return str(access.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])

    with ScratchDirectory("build") as scratch:
        folder = scratch.path / "src"
        artifacts.unpack(access, source, folder)
        variables = build_environment(
            project,
            commit=commit,
            number=number,
            initiator=f"codepipeline/{artifacts.pipeline}",
            source_version=artifacts.arn(source),
            secret=secret,
        )
        result = run_build(
            # A text of several lines is a buildspec, one line is the path of one.
            parse_buildspec(declared if "\n" in declared else text_of_file(folder, declared)),
            source=folder,
            environment=_host(access, docker, folder) | variables,
        )
    access.write_log(f"/aws/codebuild/{name}", secrets.token_hex(8), result.log)
    if result.failure:
        log = "\n".join(result.log.splitlines()[-_LOG_LINES:])
        raise RehearsalError(f"{result.failure}\n{log}")
    return result.exported


def _host(access: Access, docker: DockerCommand, folder: Path) -> dict[str, str]:
    """Return the variables with which a build finds its tools, its folders and the local AWS.

    The only credentials among them are those of the project's role.
    """
    path = os.environ.get("PATH", os.defpath)
    own = {
        "PATH": os.pathsep.join([str(docker.folder), str(Path(sys.executable).parent), path]),
        "HOME": str(folder),
        "TMPDIR": str(folder.parent),
        "CODEBUILD_SRC_DIR": str(folder),
    }
    return access.environment() | dict(docker.variables) | own
