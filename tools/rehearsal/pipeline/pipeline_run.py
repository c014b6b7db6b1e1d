"""An execution of the deployed pipeline: what each of its actions does and hands on."""

import io
import itertools
import json
import os
import re
import secrets
import stat
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tools.local_aws import Access
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.pipeline.build import build_environment, read_buildspec, run_build
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.lambda_action import LambdaAction
from tools.rehearsal.pipeline.service_log import write_log

Action = dict[str, Any]
Elsewhere = Mapping[str, Callable[[], None]]
"""What happens just before an action, by the action's name."""
Kills = Mapping[str, Sequence[str]]
"""By the name of an action the calls at which its function is killed, one for each attempt."""

CODEPIPELINE, CODEBUILD = "codepipeline.amazonaws.com", "codebuild.amazonaws.com"

_VARIABLE = re.compile(r"#\{([^.}]+)\.([^}]+)\}")

_UNIX = 3
"""Of the systems that a zip file may come from, the one whose entries have a mode."""

_DESCRIBED = (
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities",
    "registeredAt", "registeredBy", "deregisteredAt",
)  # fmt: skip
ROLLOUT_SECONDS_OF_ANY_IMAGE = 400.0
"""Longer than three tasks, one after the other, that ECS finds unhealthy after a minute each, and
the longest stop timeout of Fargate, 120 s. The sample takes less."""

_PATIENCE_SECONDS = 30
_POLL_SECONDS = 0.1
_LOG_LINES = 40


class ActionFailedError(RehearsalError):
    """``action`` failed, the execution ended with it, and ``done`` are the actions before it."""

    def __init__(self, action: str, reason: str, done: list[str]) -> None:
        super().__init__(f"the action {action} failed: {reason}")
        self.action = action
        self.done = done


class ArtifactStore:
    """Keeps what the actions of one execution hand on, as CodePipeline does.

    An artifact is a zip file in ``bucket``; whoever puts or takes one does it with its own access.
    ``variables`` are those of each namespace, which nobody reaches but CodePipeline itself.
    """

    def __init__(self, *, bucket: str, pipeline: str) -> None:
        self._bucket = bucket
        self.pipeline = pipeline
        self.variables: dict[str, dict[str, str]] = {}
        self._keys: dict[str, str] = {}

    def put(
        self,
        access: Access,
        name: str,
        files: Mapping[str, bytes],
        links: Mapping[str, str] | None = None,
    ) -> None:
        """Store the output artifact ``name`` of an action; of a link there is its target's name."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path, content in files.items():
                try:
                    archive.writestr(path, content)
                except UnicodeEncodeError:
                    raise RehearsalError(f"the name of {path!a} is not UTF-8") from None
            for path, target in (links or {}).items():
                entry = zipfile.ZipInfo(path)
                entry.create_system, entry.external_attr = _UNIX, (stat.S_IFLNK | 0o777) << 16
                archive.writestr(entry, os.fsencode(target))
        access.client("s3").put_object(**self.reserve(name), Body=packed.getvalue())

    def reserve(self, name: str) -> dict[str, str]:
        """Return where an output artifact is to be stored: bucket and key."""
        self._keys[name] = f"{self.pipeline[:20]}/{name[:10]}/{secrets.token_urlsafe(5)}"
        return self.location(name)

    def location(self, name: str) -> dict[str, str]:
        """Return where an artifact is stored: bucket and key."""
        return {"Bucket": self._bucket, "Key": self._keys[name]}

    def unpack(self, access: Access, name: str, folder: Path) -> None:
        """Put the files of an artifact, the input of an action, into ``folder``.

        A link that leads out of the folder becomes a file with its target's name, as in git where
        there are no links: a build reads nothing of this machine. So does one that cannot be made.
        """
        stored = access.client("s3").get_object(**self.location(name))
        with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
            archive.extractall(folder)
            links = {
                folder / each.filename: os.fsdecode(archive.read(each))
                for each in archive.infolist()
                if stat.S_ISLNK(each.external_attr >> 16)
            }
        for link, target in links.items():
            link.unlink()
            try:
                link.symlink_to(target)
            except (OSError, ValueError):  # without a name, with a NUL, or too long
                link.write_bytes(os.fsencode(target))
        # Where one leads is known when all are there. Not Path.resolve: until Python 3.13 a loop
        # of links is a RuntimeError of it.
        inside = Path(os.path.realpath(folder))
        out = [link for link in links if not Path(os.path.realpath(link)).is_relative_to(inside)]
        for link in out:
            link.unlink()
            link.write_bytes(os.fsencode(links[link]))

    def arn(self, name: str) -> str:
        """Return the S3 ARN of an artifact."""
        return f"arn:aws:s3:::{self._bucket}/{self._keys[name]}"

    def resolved(self, action: Action) -> Action:
        """Return an action with the values of the variables that its configuration names.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
        """

        def value(reference: re.Match[str]) -> str:
            try:
                return self.variables[reference[1]][reference[2]]
            except KeyError:
                # As CodePipeline says it.
                # https://github.com/aws-samples/ecs-blue-green-deployment-with-codedeploy/issues/4
                raise RehearsalError(
                    "one or more variables could not be resolved: Action name="
                    f"{action['name']} ({reference[0]})"
                ) from None

        configuration = {
            key: _VARIABLE.sub(value, text) for key, text in action.get("configuration", {}).items()
        }
        return {**action, "configuration": configuration}


class PipelineRun:
    """Runs the pipeline of the service stack, one execution after the other.

    Everything is read from the local AWS at each execution: the stages and actions, the build
    project, the artifact bucket. ``docker`` is the one that the build calls; everything else that
    its commands call is real. A rollout may take ``rollout_seconds``.
    """

    rollout_seconds: float = _PATIENCE_SECONDS

    def __init__(self, context: RehearsalContext, docker: DockerCommand) -> None:
        self._context = context
        self._docker = docker
        self._numbers = itertools.count(1)
        self._last: tuple[str, ArtifactStore] | None = None
        self._kills: dict[str, list[str]] = {}
        self._actions: dict[
            tuple[str, str], Callable[[Action, Access, ArtifactStore, str], None]
        ] = {
            ("Source", "GitHub"): self._source,
            ("Source", "CodeStarSourceConnection"): self._source,
            ("Build", "CodeBuild"): self._build,
            ("Deploy", "ECS"): self._deploy,
            ("Invoke", "Lambda"): self._invoke,
        }

    def run(
        self, commit: str, *, before: Elsewhere | None = None, kills: Kills | None = None
    ) -> list[str]:
        """Do all actions, in order, for a commit; return their names.

        ``before`` is what happens elsewhere just before an action, by the action's name. The first
        action that fails ends the execution with ``ActionFailedError``.
        """
        pipeline = self._pipeline()
        bucket = pipeline["artifactStore"]["location"]
        self._last = commit, ArtifactStore(bucket=bucket, pipeline=pipeline["name"])
        return self._go_through(pipeline, pipeline["stages"], before or {}, kills or {})

    def retry(
        self, stage: str, *, before: Elsewhere | None = None, kills: Kills | None = None
    ) -> list[str]:
        """Do all actions of a stage of the last execution again, as ``retry-stage-execution``."""
        if self._last is None:
            raise RehearsalError("there is no execution to retry")
        pipeline = self._pipeline()
        stages = [each for each in pipeline["stages"] if each["name"] == stage]
        return self._go_through(pipeline, stages, before or {}, kills or {})

    @property
    def artifacts(self) -> ArtifactStore:
        """Those of the last execution."""
        if self._last is None:
            raise RehearsalError("nothing has run yet")
        return self._last[1]

    def _pipeline(self) -> dict[str, Any]:
        name = self._context.outputs()["PipelineName"]
        client = self._context.aws.client("codepipeline")
        return dict(client.get_pipeline(name=name)["pipeline"])

    def _go_through(
        self,
        pipeline: Mapping[str, Any],
        stages: Iterable[Mapping[str, Any]],
        before: Elsewhere,
        kills: Kills,
    ) -> list[str]:
        if self._last is None:
            raise RehearsalError("there is no execution to go on with")
        commit, artifacts = self._last
        own = self.as_pipeline(pipeline)
        self._kills = {name: list(calls) for name, calls in kills.items()}
        done: list[str] = []
        for stage in stages:
            for action in sorted(stage["actions"], key=lambda action: int(action["runOrder"])):
                before.get(action["name"], lambda: None)()
                try:
                    self.perform(action, own, artifacts, commit)
                except (RolloutError, RehearsalError, ClientError) as error:
                    raise ActionFailedError(action["name"], str(error), done) from error
                done.append(action["name"])
        return done

    def as_pipeline(self, pipeline: Mapping[str, Any]) -> Access:
        """Assume the role of a pipeline, as CodePipeline does."""
        return self._context.aws.access.role(pipeline["roleArn"], service=CODEPIPELINE)

    def perform(self, action: Action, own: Access, artifacts: ArtifactStore, commit: str) -> None:
        """Do one action; ``own`` is the access of its pipeline.

        If it fails there is a ``RolloutError``, ``RehearsalError`` or ``ClientError``.
        """
        kind = action["actionTypeId"]["category"], action["actionTypeId"]["provider"]
        if kind not in self._actions:
            raise RehearsalError(f"the action {action['name']} ({kind}) is not supported here")
        resolved = artifacts.resolved(action)
        # An action without a role of its own is done with the pipeline's.
        role = action.get("roleArn")
        access = own.role(role) if role else own
        self._actions[kind](resolved, access, artifacts, commit)

    def _source(
        self, action: Action, access: Access, artifacts: ArtifactStore, _commit: str
    ) -> None:
        """Hand on what is delivered; GitHub is not asked."""
        source = self._context.source
        artifacts.put(access, action["outputArtifacts"][0]["name"], source.files, source.links)

    def _build(self, action: Action, access: Access, artifacts: ArtifactStore, commit: str) -> None:
        """Start the build and look how it ended.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
        """
        project = action["configuration"]["ProjectName"]
        started = access.client("codebuild").start_build(projectName=project)["build"]["id"]
        build = BuildAction(self._context, self._docker, commit=commit, number=next(self._numbers))
        exported = build.run(action, artifacts)
        # With it CodePipeline gets what the build has exported, and keeps it.
        access.client("codebuild").batch_get_builds(ids=[started])
        artifacts.variables[_namespace(action)] = dict(exported)

    def _deploy(
        self, action: Action, access: Access, artifacts: ArtifactStore, _commit: str
    ) -> None:
        configuration = action["configuration"]
        with ScratchDirectory("deploy") as scratch:
            artifacts.unpack(access, action["inputArtifacts"][0]["name"], scratch.path)
            images = _image_definitions(scratch.path, configuration["FileName"])
        roll_out(
            access.client("ecs"),
            cluster=configuration["ClusterName"],
            service=configuration["ServiceName"],
            images=images,
            patience_seconds=self.rollout_seconds,
        )

    def _invoke(
        self, action: Action, access: Access, artifacts: ArtifactStore, _commit: str
    ) -> None:
        """Call the function; its output variables are those of the action's namespace."""
        kills = self._kills.pop(action["name"], ())
        function = LambdaAction(self._context.aws, access, kills=kills)
        artifacts.variables[_namespace(action)] = function.run(
            action,
            inputs={a["name"]: artifacts.location(a["name"]) for a in action["inputArtifacts"]},
            outputs={a["name"]: artifacts.reserve(a["name"]) for a in action["outputArtifacts"]},
            user_parameters=action["configuration"].get("UserParameters", ""),
        )


class BuildAction:
    """The build action for a commit, by the CodeBuild project that the local AWS has.

    The commands, the shell and the AWS CLI are real; ``docker`` is as it says itself.
    """

    def __init__(
        self, context: RehearsalContext, docker: DockerCommand, *, commit: str, number: int
    ) -> None:
        self._context = context
        self._docker = docker
        self._commit = commit
        self._number = number

    def run(self, action: Mapping[str, Any], artifacts: ArtifactStore) -> Mapping[str, str]:
        """Build the input artifact, return what is exported; ``RehearsalError`` if it fails."""
        codebuild = self._context.aws.client("codebuild")
        name = action["configuration"]["ProjectName"]
        project = codebuild.batch_get_projects(names=[name])["projects"][0]
        # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
        access = self._context.aws.access.role(project["serviceRole"], service=CODEBUILD)
        source = action["inputArtifacts"][0]["name"]
        with ScratchDirectory("build") as scratch:
            folder = scratch.path / "src"
            artifacts.unpack(access, source, folder)
            result = run_build(
                read_buildspec(project["source"]["buildspec"], partial(_text, folder)),
                source=folder,
                environment=self._environment(access, project, artifacts, source, folder),
            )
        write_log(access, f"/aws/codebuild/{name}", secrets.token_hex(8), result.log)
        if not result.succeeded:
            log = "\n".join(result.log.splitlines()[-_LOG_LINES:])
            raise RehearsalError(f"{result.failure}\n{log}")
        return result.exported

    def _environment(
        self,
        access: Access,
        project: Mapping[str, Any],
        artifacts: ArtifactStore,
        source: str,
        folder: Path,
    ) -> dict[str, str]:
        """Return what the project and CodeBuild set, and the way to the tools and to this AWS.

        It holds the credentials of the project's role and no others.
        """
        path = os.environ.get("PATH", os.defpath)
        tools = [str(self._docker.folder), str(Path(sys.executable).parent), path]
        host = {
            "PATH": os.pathsep.join(tools),
            "HOME": str(folder),
            "TMPDIR": str(folder.parent),
        }
        return (
            access.environment()
            | dict(self._docker.variables)
            | host
            | {"CODEBUILD_SRC_DIR": str(folder)}
            | build_environment(
                project,
                commit=self._commit,
                number=self._number,
                initiator=f"codepipeline/{artifacts.pipeline}",
                source_version=artifacts.arn(source),
                secret=partial(_secret, access),
            )
        )


def _namespace(action: Mapping[str, Any]) -> str:
    return str(action.get("namespace", action["name"]))


def _secret(access: Access, arn: str) -> str:
    secrets_manager = access.client("secretsmanager")
    return str(secrets_manager.get_secret_value(SecretId=arn)["SecretString"])


def _text(folder: Path, name: str) -> str:
    """Return the text of a file of an artifact."""
    try:
        return (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RehearsalError(f"there is no {name} in the artifact") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RehearsalError(f"{name} of the artifact cannot be read: {reason}") from None


def _image_definitions(folder: Path, name: str) -> dict[str, str]:
    """Return the images by the names of their containers, as an action for ECS is told them."""
    text = _text(folder, name)
    try:
        return {each["name"]: each["imageUri"] for each in json.loads(text)}
    except (ValueError, TypeError, KeyError):
        raise RehearsalError(
            f'{name} is no list like [{{"name": "<container>", "imageUri": "<image>"}}]'
        ) from None


class RolloutError(Exception):
    """The new revision does not run; the message says why."""


def roll_out(
    ecs: Any,
    *,
    cluster: str,
    service: str,
    images: Mapping[str, str],
    patience_seconds: float = _PATIENCE_SECONDS,
) -> str:
    """Register a revision with ``images`` (by container name), deploy it, wait; return its ARN.

    As CodePipeline does, the revision is made from the one that the service uses, not from the
    newest one. Unlike there a rollout that the circuit breaker has ended is an error at once:
    CodePipeline sees it only when the action's timeout is over.
    """
    used = _describe(ecs, cluster, service)["taskDefinition"]
    definition = ecs.describe_task_definition(taskDefinition=used)["taskDefinition"]
    revision = {key: value for key, value in definition.items() if key not in _DESCRIBED}
    containers = {container["name"]: container for container in revision["containerDefinitions"]}
    if unknown := images.keys() - containers.keys():
        raise RolloutError(f"{used} has no container {', '.join(sorted(unknown))}")
    for name, image in images.items():
        containers[name]["image"] = image
    arn = str(ecs.register_task_definition(**revision)["taskDefinition"]["taskDefinitionArn"])
    ecs.update_service(cluster=cluster, service=service, taskDefinition=arn)
    _wait(ecs, cluster, service, arn, patience_seconds)
    return arn


def _wait(ecs: Any, cluster: str, service: str, arn: str, patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        deployments = _describe(ecs, cluster, service)["deployments"]
        # The newest one that is of this revision; none when it failed and is gone already.
        ours = next((d for d in deployments if d["taskDefinition"] == arn), None)
        if ours is None or ours["rolloutState"] == "FAILED":
            raise RolloutError(ours["rolloutStateReason"] if ours else f"{arn} was rolled back")
        # CodePipeline looks at the tasks, too.
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
        tasks = ecs.list_tasks(cluster=cluster, serviceName=service)["taskArns"]
        if tasks:
            ecs.describe_tasks(cluster=cluster, tasks=tasks)
        if ours["rolloutState"] == "COMPLETED":
            return
        time.sleep(_POLL_SECONDS)
    raise RolloutError(f"{arn} is not rolled out after {patience_seconds:g} s")


def _describe(ecs: Any, cluster: str, service: str) -> dict[str, Any]:
    found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    if not found:
        raise RolloutError(f"cluster {cluster} has no service {service}")
    return dict(found[0])
