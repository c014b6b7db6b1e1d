"""Deploys after a delivery: none of them may bring an older image back."""

from cdk_rehearsal import expect, expect_true
from tools.rehearsal.rehearsal import Rehearsal

_OTHER_SEED = "public.ecr.aws/rehearsal/other:1"
_MISSING = "no-such-secret"
_VARIABLE = "REHEARSED_DEPLOY"


def change_settings(rehearsal: Rehearsal) -> None:
    """Deploy a change of the task definition, with another first image."""
    context, live = rehearsal.context, rehearsal.context.live_image()
    context.report.section("Deploys after a delivery")
    with context.report.step("Another environment, another seed: cdk deploy") as step:
        environment = [rehearsal.files.text("container_environment"), f"{_VARIABLE}=1"]
        changes = {"container_environment": ",".join(filter(None, environment))}
        if rehearsal.service.is_sample:
            # Its next delivery is built by the blueprint's own buildspec.
            changes["buildspec_path"] = ""
        rehearsal.files.write(seed_image=_OTHER_SEED, **changes)
        rehearsal.replaced = context.task_ids()
        rehearsal.deploy()
        expect_live(rehearsal, live, "1")
        step.note = f"still image {live[7:19]}"


def fail_update(rehearsal: Rehearsal) -> None:
    """Deploy a change that fails half-way, and that CloudFormation rolls back."""
    context, files = rehearsal.context, rehearsal.files
    live, environment = context.live_image(), files.text("container_environment")
    with (
        context.report.step("A failing cdk deploy is rolled back") as step,
        files.changed(
            container_environment=environment.replace(f"{_VARIABLE}=1", f"{_VARIABLE}=2"),
            connection_arn="",
            github_token_secret_name=_MISSING,
        ),
    ):
        said = context.workspace.failing_cdk(
            *("deploy", "--all", "--require-approval", "never"),
            *context.workspace.synthesised(files.selection),
        )
        expect_true(f"the CLI names the missing secret: {said}", holds=_MISSING in said)
        expect("the status of the stack", context.status(), "UPDATE_ROLLBACK_COMPLETE")
        expect_live(rehearsal, live, "1")
        step.note = f"still image {live[7:19]}"


def expect_live(rehearsal: Rehearsal, digest: str, value: str) -> None:
    """Insist that the revision of the template runs, and that its `live` is the delivered image."""
    context = rehearsal.context
    uri = context.outputs()["ImageRepositoryUri"]
    definition = context.task_definition()["containerDefinitions"][0]
    variables = {each["name"]: each["value"] for each in definition["environment"]}
    expect(_VARIABLE, variables.get(_VARIABLE), value)
    expect("the image that the template names", definition["image"], f"{uri}:live")
    expect("the image with the tag `live`", context.live_image(), digest)
    expect("the image that the tasks run", context.running_image(), digest)
