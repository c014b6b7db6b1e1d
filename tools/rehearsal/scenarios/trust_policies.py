"""Trust policies: each role of a service may be assumed by its own principal, and by no other.

What a build tries with the rights that it has is an attack (``tools.rehearsal.failures.attacks``).
"""

from collections.abc import Callable
from functools import partial

from botocore.exceptions import ClientError

from cdk_rehearsal import RehearsalError, expect
from tools.rehearsal.rehearsal import Rehearsal

_SERVICES = _CODEPIPELINE, _CODEBUILD, _TASKS, _LAMBDA, _CLOUDFORMATION = tuple(
    f"{name}.amazonaws.com"
    for name in ("codepipeline", "codebuild", "ecs-tasks", "lambda", "cloudformation")
)


def run(rehearsal: Rehearsal) -> None:
    """Try to assume each role as every service that it is not for, as a build and as an action."""
    context = rehearsal.context
    root, report = context.aws.access, context.report
    report.section("Trust policies")
    with report.step("No call has been refused so far"):
        # A function or a build may have gone on after a refusal, so this is looked up.
        expect("calls that were refused", root.ledger()["refusals"], [])
    pipeline = root.client("codepipeline").get_pipeline(name=context.outputs()["PipelineName"])[
        "pipeline"
    ]
    project = root.client("codebuild").batch_get_projects(names=[pipeline["name"]])["projects"][0]
    task = context.task_definition()
    actions = {
        action["roleArn"]: action["name"]
        for stage in pipeline["stages"]
        for action in stage["actions"]
        if "roleArn" in action
    }
    of_services = {
        pipeline["roleArn"]: _CODEPIPELINE,
        project["serviceRole"]: _CODEBUILD,
        task["taskRoleArn"]: _TASKS,
        task["executionRoleArn"]: _TASKS,
    }
    with report.step("Only its own service may assume a role") as step:
        tried = 0
        for role in (*of_services, *actions):
            own = of_services.get(role, "")
            for service in (each for each in _SERVICES if each != own):
                _require_refusal(partial(root.role, role, service=service), f"{role} by {service}")
                tried += 1
            _require_refusal(partial(root.role, role), f"{role} by root")
        step.note = f"{tried} refusals for {len(of_services) + len(actions)} roles"
    with report.step("Neither a build nor an action may assume another role") as step:
        build = root.role(project["serviceRole"], service=_CODEBUILD)
        delivery = root.role(pipeline["roleArn"], service=_CODEPIPELINE)
        insiders = {
            "the build": build,
            **{name: delivery.role(arn) for arn, name in actions.items()},
        }
        for who, access in insiders.items():
            for role in (*of_services, *actions):
                _require_refusal(partial(access.role, role), f"{role} by {who}")
        step.note = ", ".join(insiders)


def _require_refusal(attempt: Callable[[], object], what: str) -> None:
    try:
        attempt()
    except ClientError as refusal:
        code = refusal.response["Error"]["Code"]
        if not code.startswith("AccessDenied"):
            raise RehearsalError(f"{what}: not refused, but {refusal}") from refusal
    else:
        raise RehearsalError(f"{what}: was assumed")
