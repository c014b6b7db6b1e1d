"""The build action: a build of the deployed CodeBuild project, run on this machine."""

import os
import secrets
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from cdk_rehearsal.access import Access
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import Action, ArtifactStore, text_of_file
from cdk_rehearsal.pipelines.build import build_environment, parse_buildspec, run_build
from cdk_rehearsal.pipelines.docker_command import DockerCommand
from cdk_rehearsal.pipelines.service_log import write_log
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.server.local_aws import LocalAws

CODEBUILD = "codebuild.amazonaws.com"

_LOG_LINES = 40


class BuildAction:
    """Builds a commit with the CodeBuild project that an action names.

    The commands, the shell and the AWS CLI are real; ``docker`` describes itself. ``number`` counts
    the builds of the project.
    """

    def __init__(self, aws: LocalAws, docker: DockerCommand, *, commit: str, number: int) -> None:
        self._aws = aws
        self._docker = docker
        self._commit = commit
        self._number = number

    def run(self, action: Action, artifacts: ArtifactStore) -> Mapping[str, str]:
        """Build the input artifact and return the exported variables.

        ``RehearsalError`` says which command failed, with the last lines of the log.
        """
        name = action["configuration"]["ProjectName"]
        codebuild = self._aws.client("codebuild")
        project = codebuild.batch_get_projects(names=[name])["projects"][0]
        # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
        access = self._aws.access.role(project["serviceRole"], service=CODEBUILD)
        declared = project["source"]["buildspec"]
        source = action["inputArtifacts"][0]["name"]
        with ScratchDirectory("build") as scratch:
            folder = scratch.path / "src"
            artifacts.unpack(access, source, folder)
            variables = build_environment(
                project,
                commit=self._commit,
                number=self._number,
                initiator=f"codepipeline/{artifacts.pipeline}",
                source_version=artifacts.arn(source),
                secret=partial(_secret, access),
            )
            result = run_build(
                # A text of several lines is a buildspec, one line is the path of one.
                parse_buildspec(declared if "\n" in declared else text_of_file(folder, declared)),
                source=folder,
                environment=self._host(access, folder) | variables,
            )
        write_log(access, f"/aws/codebuild/{name}", secrets.token_hex(8), result.log)
        if result.failure:
            log = "\n".join(result.log.splitlines()[-_LOG_LINES:])
            raise RehearsalError(f"{result.failure}\n{log}")
        return result.exported

    def _host(self, access: Access, folder: Path) -> dict[str, str]:
        """Return the variables with which a build finds its tools, its folders and this AWS.

        The only credentials among them are those of the project's role.
        """
        path = os.environ.get("PATH", os.defpath)
        tools = [str(self._docker.folder), str(Path(sys.executable).parent), path]
        return (
            access.environment()
            | dict(self._docker.variables)
            | {
                "PATH": os.pathsep.join(tools),
                "HOME": str(folder),
                "TMPDIR": str(folder.parent),
                "CODEBUILD_SRC_DIR": str(folder),
            }
        )


def _secret(access: Access, arn: str) -> str:
    client = access.client("secretsmanager")
    return str(client.get_secret_value(SecretId=arn)["SecretString"])
