"""Deliveries that begin with an image: of a CI with its own role, and of another environment.

One deploy gives both environments. In staging a command runs before each rollout.
"""

import json
import re
from dataclasses import replace
from functools import partial
from typing import Any

import yaml

from backend_service.names import IMAGE_SOURCE_KEY
from cdk_rehearsal import Access, expect, expect_all, expect_true, push_image
from cdk_rehearsal.pipelines import CODEBUILD, failure_of
from tools.rehearsal.failures.broken_promotions import MadeUpBuilds, expect_live
from tools.rehearsal.failures.context import SETTINGS, FailureContext
from tools.repository import ROOT

PAGE = ROOT / "docs" / "images-from-elsewhere.md"
_DEPLOY = ["Release", "Command", "Deploy", "Promote"]
_PRODUCTION = "ProductionBackendServiceStack"
_STAND_IN = CODEBUILD
"""The local STS has no AssumeRoleWithWebIdentity, so this service takes the place of GitHub. A test
judges the real trust, and what else the role may do."""


class SentImages(MadeUpBuilds):
    """A pipeline that delivers what a sender sends, by the two calls of the page."""

    @property
    def pipeline(self) -> str:
        """The name of the pipeline."""
        return self.context.outputs()["PipelineName"]

    @property
    def bucket(self) -> str:
        """The artifact bucket, as the page finds it."""
        found = self._client.get_pipeline(name=self.pipeline)["pipeline"]
        return str(found["artifactStore"]["location"])

    def push(self, sender: Access, tag: str) -> str:
        """Push a small image to the repository for builds; return its digest."""
        return push_image(sender.client("ecr"), f"{self.context.repository()}/builds", tag, tag)

    def send(self, sender: Access, **said: str) -> str:
        """Start a delivery of an image with the rights of the sender; return its id."""
        list(self.work())  # tells CodePipeline that there is a worker
        where = {"Bucket": self.bucket, "Key": IMAGE_SOURCE_KEY}
        written = sender.client("s3").put_object(**where, Body=json.dumps(said).encode())
        revision = {
            "actionName": "Source",
            "revisionType": "S3_OBJECT_VERSION_ID",
            "revisionValue": written["VersionId"],
        }
        codepipeline = sender.client("codepipeline")
        started = codepipeline.start_pipeline_execution(
            name=self.pipeline, sourceRevisions=[revision]
        )
        return str(started["pipelineExecutionId"])

    def commands(self) -> list[dict[str, Any]]:
        """Return the containers that have run the command."""
        ecs, cluster = self.context.aws.client("ecs"), self.context.service()["clusterArn"]
        family = f"{self.pipeline}-command"
        arns = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED", family=family)["taskArns"]
        tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        return [task["containers"][0] for task in tasks]

    def change_command(self, command: str) -> None:
        """Change the command as a deploy would, which takes ten times as long."""
        name = {"FunctionName": self.action("Command")["configuration"]["FunctionName"]}
        client = self.context.aws.client("lambda")
        variables = client.get_function_configuration(**name)["Environment"]["Variables"]
        variables["COMMAND"] = json.dumps(["/bin/sh", "-c", command])
        client.update_function_configuration(**name, Environment={"Variables": variables})


def images_of_a_ci(context: FailureContext) -> None:
    """Deliver the image of a CI with the role of the page; then the command fails."""
    report = context.report
    report.section("From a CI to staging, with a command before the rollout")
    with report.step("cdk deploy of two environments whose deliveries begin with images"):
        _deploy(context)
    pipeline, replaced, old = SentImages(context), context.task_ids(), context.running_image()
    with report.step("It pushes an image and delivers it, with the policy of the page") as step:
        ci = _ci(context, pipeline)
        digest = pipeline.push(ci, "0a1b2c3d-1-1")

        def old_version_serves() -> None:
            expect_all("the tasks that serve", context.task_ids(), replaced)
            expect("the image that serves", context.running_image(), old)
            (ran,) = pipeline.commands()
            expect("the command", (ran["imageDigest"], ran["exitCode"]), (digest, 0))

        sent = pipeline.send(ci, digest=digest)
        done = pipeline.follow(sent, before={"Deploy": old_version_serves})
        expect("actions", done, ["Source", "Image", *_DEPLOY])
        expect_live(context, digest)
        expect("commands", len(pipeline.commands()), 1)
        step.note = f"{digest[7:19]} ran the command once beside the old version, and is live"
    iam = context.aws.client("iam")
    iam.delete_role_policy(RoleName="ci", PolicyName="deliver")
    iam.delete_role(RoleName="ci")
    _failing_command(context, pipeline)


def _failing_command(context: FailureContext, pipeline: SentImages) -> None:
    report, root = context.report, context.aws.access
    live, delivered = context.live_image(), pipeline.execution_id
    with report.step("The command fails: no task is replaced, and the delivery says why") as step:
        pipeline.change_command("migrate || exit 3")
        state = (context.service()["taskDefinition"], sorted(context.task_ids()))
        sent = pipeline.send(root, digest=pipeline.push(root, "unmigrated"))
        failure = failure_of(partial(pipeline.follow, sent), "Command")
        expect_true(f"the exit code is told: {failure}", holds="exit code 3" in str(failure))
        now = (context.service()["taskDefinition"], sorted(context.task_ids()))
        expect("revision and tasks", now, state)
        expect_live(context, live)
        step.note = str(failure).rpartition("failed: the ")[2]
    with report.step("The stage is retried with another command") as step:
        pipeline.change_command("migrate && exit 0")
        expect("actions", pipeline.retry("Deploy"), _DEPLOY)
        expect("commands", len(pipeline.commands()), 3)
        after = context.live_image()
        expect_true("another image is live", holds=after != live)
        step.note = f"it runs again; {after[7:19]} is live"
    with report.step("A rollback of the stage runs no command") as step:
        back = context.aws.client("codepipeline").rollback_stage(
            pipelineName=pipeline.pipeline,
            stageName="Deploy",
            targetPipelineExecutionId=delivered,
        )
        pipeline.follow(back["pipelineExecutionId"])
        expect("commands", len(pipeline.commands()), 3)
        expect_live(context, live)
        step.note = f"{live[7:19]} is live again"


def promotion(context: FailureContext) -> None:
    """Deliver staging's promoted image to production; the two share a core and nothing else."""
    report, production = context.report, replace(context, stack=_PRODUCTION)
    report.section("From staging to production")
    pipeline, root, promoted = SentImages(production), context.aws.access, context.live_image()
    with report.step("The image that staging has promoted is delivered") as step:
        sent = {"digest": promoted, "commit": "0a1b2c3d", "origin": "staging/ecsdemo-backend"}
        done = pipeline.follow(pipeline.send(root, **sent))
        expect("actions", done, ["Source", "Image", "Release", "Deploy", "Promote"])
        expect_live(production, promoted)
        approval = pipeline.artifacts.resolved(pipeline.action("Approve"))
        seen = approval["configuration"]["CustomData"]
        expect_true(f"{sent} is in {seen}", holds=all(part in seen for part in sent.values()))
        step.note = f"the approver sees: {seen}"


def _deploy(context: FailureContext) -> None:
    """Staging takes images of a CI, and production those of staging."""
    workspace, access, repository = context.workspace, context.aws.access, context.repository()
    images = {"repository_owner": "", "desired_count": "1"}
    arn = f"arn:aws:ecr:{access.region}:{access.account}:repository/{repository}"
    of_ci = {**images, "image_source_repository_arn": f"{arn}/builds"}
    workspace.write_env(**SETTINGS, **of_ci, release_command="migrate && exit 0")
    workspace.write_env(
        "production.env",
        **images,
        image_source_repository_arn=arn,
        deploy_core_stack="False",
        stack_prefix="Production",
        **dict.fromkeys(("service_name", "container_name", "ecr_repository_name"), "production"),
        manual_approval="True",
    )
    workspace.deploy("--all", *workspace.synthesised(".env,production.env"))


def _ci(context: FailureContext, pipeline: SentImages) -> Access:
    """Make the role of the page with its own policy, and sign in as it."""
    access, iam = context.aws.access, context.aws.client("iam")
    (policy,) = role_of_page(
        **{"AWS::Partition": "aws", "AWS::Region": access.region, "AWS::AccountId": access.account},
        Builds=f"{context.repository()}/builds",
        Bucket=pipeline.bucket,
        Pipeline=pipeline.pipeline,
    )["Policies"]
    trusted = {"Effect": "Allow", "Principal": {"Service": _STAND_IN}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=trust)["Role"]
    document = json.dumps(policy["PolicyDocument"])
    iam.put_role_policy(RoleName="ci", PolicyName=policy["PolicyName"], PolicyDocument=document)
    return access.role(role["Arn"], service=_STAND_IN)


def role_of_page(**values: str) -> dict[str, Any]:
    """Return the properties of the role in the template of the page, with these parameters."""
    text = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].partition("```")[0]
    role = json.dumps(yaml.safe_load(text)["Resources"]["Role"]["Properties"])
    for name, value in values.items():
        role = role.replace(f"${{{name}}}", value).replace(f'{{"Ref": "{name}"}}', f'"{value}"')
    return dict(json.loads(re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", role)))
