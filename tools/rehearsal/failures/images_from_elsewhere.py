"""Deliveries that begin with an image: of a CI with its own role, and of another environment.

One deploy gives both environments. In staging a command runs before each rollout.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import yaml
from botocore.exceptions import ClientError

from backend_service.names import IMAGE_SOURCE_KEY
from cdk_rehearsal import RehearsalError, expect, expect_all, expect_true, push_image
from cdk_rehearsal.access import Access
from cdk_rehearsal.pipelines import failure_of
from tools.rehearsal.failures.broken_promotions import expect_live
from tools.rehearsal.failures.context import SETTINGS, FailureContext
from tools.rehearsal.failures.release_commands import failing_command
from tools.rehearsal.failures.sent_images import DEPLOY_ACTIONS, SentImages, commands
from tools.repository import ROOT

PAGE = ROOT / "docs" / "images-from-elsewhere.md"
_PRODUCTION, _NAME = "ProductionBackendServiceStack", "production"
_STAND_IN = "codebuild.amazonaws.com"
"""The local STS has no AssumeRoleWithWebIdentity, so this service takes the place of GitHub. A test
judges the real trust."""


def images_of_a_ci(context: FailureContext) -> None:
    """Deliver the image of a CI, with the role of the page; try what the role may not do.

    Then the command fails.
    """
    report = context.report
    report.section("From a CI to staging")
    with report.step("cdk deploy of two environments whose deliveries begin with images") as step:
        _deploy(context)
        kinds = {each["Type"] for each in context.template(context.stack)["Resources"].values()}
        without = {"AWS::CodeBuild::Project", "AWS::CodePipeline::Webhook"}
        expect("resources of a build", sorted(kinds & without), [])
        step.note = "no build project, no access to GitHub"
    pipeline, replaced, old = SentImages(context), context.task_ids(), context.running_image()
    with report.step("It pushes an image and delivers it, with the policy of the page") as step:
        ci = _ci(context, pipeline)
        digest = pipeline.push(ci, "0a1b2c3d-1-1")

        def old_version_serves() -> None:
            expect_all("the tasks that serve", context.task_ids(), replaced)
            expect("the image that serves", context.running_image(), old)
            (task,) = commands(context)
            ran = task["containers"][0]
            expect("the command", (ran["imageDigest"], ran["exitCode"]), (digest, 0))

        done = pipeline.send(
            *(ci, digest), commit="0a1b2c3d", origin="ci/1", before={"Deploy": old_version_serves}
        )
        expect("actions", done, ["Source", "Image", *DEPLOY_ACTIONS])
        expect_live(context, digest)
        expect("commands", len(commands(context)), 1)
        step.note = f"{digest[7:19]} ran the command once beside the old version, and is live"
    with report.step("It can do nothing else") as step:
        step.note = f"refused: {', '.join(_attempts(context, pipeline, ci))}"
    iam = context.aws.client("iam")
    iam.delete_role_policy(RoleName="ci", PolicyName="deliver")
    iam.delete_role(RoleName="ci")
    failing_command(context, pipeline)


def promotion(context: FailureContext) -> None:
    """Deliver staging's promoted image to production; the two share a core and nothing else."""
    report, production = context.report, replace(context, stack=_PRODUCTION)
    report.section("From staging to production")
    pipeline, root, promoted = SentImages(production), context.aws.access, context.live_image()
    with report.step("The image that staging has promoted is delivered") as step:
        said = {"commit": "0a1b2c3d", "origin": "staging/ecsdemo-backend"}
        done = pipeline.send(root, promoted, **said)
        expect("actions", done, ["Source", "Image", "Release", "Deploy", "Promote"])
        expect_live(production, promoted)
        step.note = f"{promoted[7:19]} is live in both"
    with report.step("What the approver sees") as step:
        seen = pipeline.artifacts.resolved(pipeline.action("Approve"))["configuration"]
        for part in (promoted, *said.values()):
            expect_true(f"{part} is in {seen['CustomData']}", holds=part in seen["CustomData"])
        step.note = seen["CustomData"]
    with report.step("An image that staging does not have is refused before the approval") as step:
        failure = failure_of(partial(pipeline.send, root, f"sha256:{'0' * 64}"), "Image")
        expect_live(production, promoted)
        step.note = str(failure).partition("failed: ")[2]


def _deploy(context: FailureContext) -> None:
    """Staging takes images of a CI, and production those of staging."""
    workspace, repository = context.workspace, context.repository()
    images = {"repository_owner": "", "desired_count": "1"}
    source = "image_source_repository_arn"
    workspace.write_env(
        **SETTINGS,
        **images,
        release_command="migrate && exit 0",
        **{source: _arn(context, f"{repository}/builds")},
    )
    workspace.write_env(
        "production.env",
        **images,
        deploy_core_stack="False",
        stack_prefix="Production",
        service_name=_NAME,
        container_name=_NAME,
        ecr_repository_name=_NAME,
        manual_approval="True",
        **{source: _arn(context, repository)},
    )
    workspace.deploy("--all", *workspace.synthesised(".env,production.env"))


def _arn(context: FailureContext, repository: str) -> str:
    access = context.aws.access
    return f"arn:aws:ecr:{access.region}:{access.account}:repository/{repository}"


def _attempts(context: FailureContext, pipeline: SentImages, ci: Access) -> list[str]:
    """Make the calls that the role of the page may not make; return what was refused."""
    ecr, s3, codepipeline = (ci.client(name) for name in ("ecr", "s3", "codepipeline"))
    where = {"Bucket": pipeline.bucket}
    attempts: dict[str, Callable[[], object]] = {
        "push a release": lambda: push_image(ecr, context.repository(), "live", "evil"),
        "write another object": lambda: s3.put_object(**where, Key="other", Body=b""),
        "read the object": lambda: s3.get_object(**where, Key=IMAGE_SOURCE_KEY),
        "start another pipeline": lambda: codepipeline.start_pipeline_execution(
            name=context.outputs(_PRODUCTION)["PipelineName"]
        ),
    }
    for what, attempt in attempts.items():
        try:
            attempt()
        except ClientError as error:
            expect_true(f"{what}: {error}", holds="not authorized" in str(error))
        else:
            raise RehearsalError(f"the CI can {what}")
    return list(attempts)


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
    """Return the properties of the role in the template of the page, with these parameters.

    References to parameters that are not given stay as they are.
    """
    text = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].partition("```")[0]

    def value(reference: re.Match[str]) -> str:
        return values.get(reference[1], reference[0])

    def filled(node: Any) -> Any:
        if isinstance(node, list):
            return [filled(each) for each in node]
        if not isinstance(node, dict):
            return node
        if template := node.get("Fn::Sub"):
            return re.sub(r"\$\{([\w:]+)\}", value, template)
        return {key: filled(each) for key, each in node.items()}

    return dict(filled(yaml.safe_load(text)["Resources"]["Role"]["Properties"]))
