"""A commit that means harm: what its build exports, and what it tries with its credentials."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from tools.local_aws import Access
from tools.local_aws.image_push import push_image
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.context import SERVICE
from tools.rehearsal.expectation import RehearsalError, expect, expect_true
from tools.rehearsal.failures import attack_in_build
from tools.rehearsal.failures.broken_promotions import (
    MadeUpBuilds,
    failure_of,
    nothing_changes,
)
from tools.rehearsal.failures.context import FailureContext
from tools.rehearsal.pipeline.docker_command import docker_stand_in
from tools.rehearsal.pipeline.pipeline_run import Action, ArtifactStore, PipelineRun
from tools.rehearsal.scenarios.first_deploy import TOKEN_SECRET

_SCRIPT = Path(attack_in_build.__file__)
_APPLICATION = "application-code/"
_COMMIT = "badc0de"
_PATIENCE_SECONDS = 120
_OTHERWISE = {
    "put another image under the approved tag": ("ImageTagAlreadyExistsException", "immutable")
}
"""What is refused by something else than the build's role: tags of builds are immutable."""
_ACTION_WIDTH, _WHAT_WIDTH = 37, 42
_BOOTSTRAP = "cdk-"

Answers = Mapping[str, list[dict[str, str]]]


def exported_images(context: FailureContext) -> None:
    """Let a build export what it must not."""
    context.report.section("A build that exports another image")
    pipeline, uri = MadeUpBuilds(context), context.outputs(SERVICE)["ImageRepositoryUri"]
    pipeline.run("facade")
    built = pipeline.artifacts.variables["Build"]["IMAGE"]
    digest = built.partition("@")[2]
    other = push_image(context.aws.client("ecr"), f"{context.repository()}/builds", "new", "new")
    push_image(context.aws.client("ecr"), f"{context.repository()}/builds", "live", "so called")
    only = "only an image of this service's builds"
    exported = {
        "the repository of the service": (f"{uri}:facade-1@{digest}", only),
        "another registry": (f"public.ecr.aws/nginx/nginx:1.29@{digest}", only),
        "a tag alone": (f"{uri}/builds:facade-1", only),
        "another action": (f'","action":"promote","image":"{uri}@{other}', only),
        "the tag live": (f"{uri}/builds:live@{digest}", "live is no tag for a build"),
        "the digest of another tag": (f"{uri}/builds:new@{digest}", f"builds:new is {other}"),
        "a digest of nothing": (f"{uri}/builds:facade-1@sha256:{'0' * 64}", f"is {digest}, and"),
    }
    for what, (image, because) in exported.items():
        with context.report.step(f"It exports {what}") as step, nothing_changes(context):
            pipeline.artifacts.variables["Build"]["IMAGE"] = image
            failure = failure_of(pipeline.retry, "Deploy")
            if failure.action != "Release":
                raise failure
            expect_true(f"it says why: {failure}", holds=because in str(failure))
            step.note = f"refused: {because}"
    with context.report.step("It exports nothing") as step, nothing_changes(context):
        del pipeline.artifacts.variables["Build"]["IMAGE"]
        failure = failure_of(pipeline.retry, "Deploy")
        expect_true(f"it says why: {failure}", holds="could not be resolved" in str(failure))
        step.note = "Release does not begin"


class Attack(PipelineRun):
    """The deployed pipeline for a commit whose build attacks, and leaks its credentials."""

    def __init__(self, context: FailureContext, folder: Path) -> None:
        super().__init__(context, docker_stand_in(folder / "docker"))
        self._folder = folder
        self.seen: dict[str, Answers] = {}
        pipeline = self._pipeline()
        self._by_name: dict[str, Action] = {
            action["name"]: action for stage in pipeline["stages"] for action in stage["actions"]
        }
        name = self._by_name["Build"]["configuration"]["ProjectName"]
        codebuild = context.aws.client("codebuild")
        self._project = codebuild.batch_get_projects(names=[name])["projects"][0]
        self.role = self._project["serviceRole"].rpartition("/")[2]

    def _source(
        self, action: Action, access: Access, artifacts: ArtifactStore, _commit: str
    ) -> None:
        """Hand on the application and its buildspec, which ends with the attack."""
        files = {
            path: content
            for path, content in self._context.source.files.items()
            if path.startswith(_APPLICATION)
        }
        name = self._project["source"]["buildspec"]
        buildspec = yaml.safe_load(files[name])
        attack = f'python -I attack.py "{self._folder / "targets.json"}"'
        buildspec["phases"]["build"]["commands"].append(attack)
        files |= {name: yaml.safe_dump(buildspec).encode(), "attack.py": _SCRIPT.read_bytes()}
        artifacts.put(access, action["outputArtifacts"][0]["name"], files)

    def _build(self, action: Action, access: Access, artifacts: ArtifactStore, commit: str) -> None:
        self._write_targets(artifacts)
        super()._build(action, access, artifacts, commit)
        self._take_answers("in the build")

    def again(self, moment: str) -> None:
        """Attack with what the build has leaked."""
        self._write_targets(self.artifacts)
        leaked = json.loads((self._folder / attack_in_build.ENVIRONMENT).read_text("utf-8"))
        done = subprocess.run(
            [sys.executable, "-I", str(_SCRIPT), str(self._folder / "targets.json")],
            env=leaked,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
        if done.returncode != 0:
            raise RehearsalError(f"the attack has not ended well\n{done.stderr}")
        self._take_answers(moment)

    def _take_answers(self, moment: str) -> None:
        file = self._folder / attack_in_build.ANSWERS
        self.seen[moment] = json.loads(file.read_text("utf-8"))
        file.unlink()

    def _write_targets(self, artifacts: ArtifactStore) -> None:
        context, outputs = self._context, self._context.outputs(SERVICE)
        service, task = context.service(), context.task_definition()
        source = artifacts.location(self._by_name["Source"]["outputArtifacts"][0]["name"])
        # Release's place is known when it has begun, and a build has none.
        elsewhere = {**source, "Key": f"{source['Key']}-of-the-build"}
        places = {"the source": source, "the build": elsewhere}
        with suppress(KeyError):
            places["the release"] = artifacts.location(
                self._by_name["Release"]["outputArtifacts"][0]["name"]
            )
        container = task["containerDefinitions"][0]
        roles = {
            f"the role of {name}": action["roleArn"]
            for name, action in self._by_name.items()
            if "roleArn" in action
        }
        function = self._by_name["Release"]["configuration"]["FunctionName"]
        configuration = context.aws.client("lambda").get_function_configuration(
            FunctionName=function
        )
        listed = context.aws.client("iam").get_paginator("list_roles").paginate()
        bootstrap = {
            f"CDK's {role['RoleName'].split('-')[2]} role": role["Arn"]
            for page in listed
            for role in page["Roles"]
            if role["RoleName"].startswith(_BOOTSTRAP)
        }
        targets = {
            "repository": context.repository(),
            "builds": f"{context.repository()}/builds",
            "tag": f"{_COMMIT}-1",
            "artifacts": places,
            "written": [name for name in places if name != "the build"],
            "secrets": {"the token": TOKEN_SECRET, "the webhook's secret": self._webhook_secret()},
            "cluster": service["clusterArn"],
            "service": service["serviceName"],
            "task_definition": {
                "family": task["family"],
                "taskRoleArn": task["taskRoleArn"],
                "executionRoleArn": task["executionRoleArn"],
                "containerDefinitions": [{"name": container["name"], "image": "evil"}],
            },
            "function": function,
            "project": self._project["name"],
            "pipeline": outputs["PipelineName"],
            "log_group": f"/aws/codebuild/{self._project['name']}",
            "roles": {
                **roles,
                **bootstrap,
                "the release function": configuration["Role"],
                "the pipeline": self._pipeline()["roleArn"],
                "a task": task["taskRoleArn"],
                "who starts tasks": task["executionRoleArn"],
            },
            "own_role": self.role,
        }
        (self._folder / "targets.json").write_text(json.dumps(targets), encoding="utf-8")

    def _webhook_secret(self) -> str:
        listed = self._context.aws.client("secretsmanager").list_secrets()["SecretList"]
        (arn,) = (each["ARN"] for each in listed if "SigningSecret" in each["Name"])
        return str(arn)


def attacking_build(context: FailureContext) -> None:
    """Let a build attack while it runs, and whoever has its credentials until after its delivery.

    It is delivered all the same: the image that it has exported, and no other.
    """
    report = context.report
    report.section("A build that attacks")
    with ScratchDirectory("attack") as scratch:
        attack = Attack(context, scratch.path)
        moments = {"Release": "before the release", "Deploy": "after the release"}
        moments["Promote"] = "before the promotion"
        with report.step("A delivery of what its build has exported") as step:
            attack.run(
                _COMMIT,
                before={
                    name: lambda moment=moment: attack.again(moment)  # type: ignore[misc]
                    for name, moment in moments.items()
                },
            )
            exported = attack.artifacts.variables["Build"]["IMAGE"].partition("@")[2]
            expect("the image that the service runs", context.running_image(), exported)
            attack.again("after the promotion")
            expect("`live`", context.image(context.repository(), "live"), exported)
            step.note = f"{exported[7:19]} is live"
        for moment, answers in attack.seen.items():
            with report.step(f"Attacks {moment}") as step:
                refused = require_refusals(answers)
                step.note = f"{refused} refused; {len(answers['left'])} things a build may do"
        _say(context, attack.seen["after the promotion"])
        with report.step("With one right more it would be noticed") as step:
            with _granted(context, attack.role, "s3:PutObject"):
                attack.again("with a right too many")
            try:
                require_refusals(attack.seen["with a right too many"])
            except RehearsalError as noticed:
                step.note = str(noticed)
            else:
                raise RehearsalError("what may be done is taken for refused")


def require_refusals(answers: Answers) -> int:
    """Insist that all was refused that is forbidden, by name, and nothing else; say how much."""
    for each in answers["forbidden"]:
        wanted, named = _OTHERWISE.get(
            each["what"], ("AccessDenied", f"perform: {each['action']} on")
        )
        if each["code"] == attack_in_build.DONE:
            raise RehearsalError(f"{each['what']}: {each['action']} was let through")
        is_judged = named in each["said"] and "not judged" not in each["said"]
        if not each["code"].startswith(wanted) or not is_judged:
            raise RehearsalError(f"{each['what']}: not refused, but {each['code']}: {each['said']}")
    for each in answers["left"]:
        expect(f"{each['what']} ({each['said']})", each["code"], attack_in_build.DONE)
    return len(answers["forbidden"])


def _say(context: FailureContext, answers: Answers) -> None:
    for each in (*answers["forbidden"], *answers["left"]):
        attempt = f"{each['action']:<{_ACTION_WIDTH}}{each['what']:<{_WHAT_WIDTH}}"
        reason = each["said"].partition(" because ")[2] or each["said"]
        verdict = "allowed" if each["code"] == attack_in_build.DONE else f"refused: {reason}"
        context.report.say_folded(f"            {attempt}", verdict, indent=14)


@contextmanager
def _granted(context: FailureContext, role: str, action: str) -> Iterator[None]:
    iam, policy = context.aws.client("iam"), {"RoleName": role, "PolicyName": "one-more"}
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(**policy, PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(**policy)
