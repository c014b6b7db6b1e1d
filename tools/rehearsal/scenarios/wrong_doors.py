"""Doors that must not open: roles that are tried by those whom they do not trust."""

from collections.abc import Callable
from functools import partial

from botocore.exceptions import ClientError

from tools.local_aws import Access
from tools.rehearsal.context import SERVICE, RehearsalContext
from tools.rehearsal.expectation import RehearsalError, expect
from tools.rehearsal.pipeline.pipeline_run import CODEBUILD, CODEPIPELINE

_TASKS, _LAMBDA, _CLOUDFORMATION = (
    f"{name}.amazonaws.com" for name in ("ecs-tasks", "lambda", "cloudformation")
)
_SERVICES = (CODEPIPELINE, CODEBUILD, _TASKS, _LAMBDA, _CLOUDFORMATION)


def run(context: RehearsalContext) -> None:
    """Try the roles of the delivery and the task in the name of every other service."""
    root, report = context.aws.access, context.report
    report.section("Wrong doors")
    with report.step("So far nobody was refused anything"):
        # A function or a build may go on without what it was refused.
        expect("calls that were refused", root.ledger()["refusals"], [])
    pipeline = root.client("codepipeline").get_pipeline(
        name=context.outputs(SERVICE)["PipelineName"]
    )["pipeline"]
    project = root.client("codebuild").batch_get_projects(names=[pipeline["name"]])["projects"][0]
    task = context.task_definition()
    actions = {
        action["roleArn"]: action["name"]
        for stage in pipeline["stages"]
        for action in stage["actions"]
        if "roleArn" in action
    }
    of_services = {
        pipeline["roleArn"]: CODEPIPELINE,
        project["serviceRole"]: CODEBUILD,
        task["taskRoleArn"]: _TASKS,
        task["executionRoleArn"]: _TASKS,
    }
    with report.step("Each role opens to its own service only") as step:
        tried = 0
        for role in (*of_services, *actions):
            own = of_services.get(role, "")
            for service in (each for each in _SERVICES if each != own):
                _stays_closed(partial(root.role, role, service=service), f"{role} to {service}")
                tried += 1
            _stays_closed(partial(root.role, role), f"{role} to root")
        step.note = f"{tried} doors of {len(of_services) + len(actions)} roles"
    with report.step("Neither a build nor an action becomes anybody else") as step:
        build = root.role(project["serviceRole"], service=CODEBUILD)
        delivery = root.role(pipeline["roleArn"], service=CODEPIPELINE)
        insiders = {
            "the build": build,
            **{name: delivery.role(arn) for arn, name in actions.items()},
        }
        for who, access in insiders.items():
            for role in (*of_services, *actions):
                _stays_closed(partial(access.role, role), f"{role} to {who}")
        step.note = ", ".join(insiders)
    with report.step("A build reaches nothing but its work") as step:
        step.note = f"{_try_others_work(context, build)} calls refused"


def _try_others_work(context: RehearsalContext, build: Access) -> int:
    """Try what only the promotion, the rollout or an administrator may."""
    outputs, service = context.outputs(SERVICE), context.service()
    cluster, name = service["clusterArn"], service["serviceName"]
    secret = "ecs-github-token"  # noqa: S105 - the name of a secret
    attempts: dict[str, Callable[[], object]] = {
        "read the token": lambda: build.client("secretsmanager").get_secret_value(SecretId=secret),
        "update the service": lambda: build.client("ecs").update_service(
            cluster=cluster, service=name, desiredCount=0
        ),
        "start its pipeline": lambda: build.client("codepipeline").start_pipeline_execution(
            name=outputs["PipelineName"]
        ),
        "delete an image": lambda: build.client("ecr").batch_delete_image(
            repositoryName=context.repository(), imageIds=[{"imageTag": "live"}]
        ),
        "push elsewhere": lambda: build.client("ecr").put_image(
            repositoryName="another", imageTag="live", imageManifest="{}"
        ),
        "read all buckets": lambda: build.client("s3").list_buckets(),
        "make a role": lambda: build.client("iam").create_role(
            RoleName="mine", AssumeRolePolicyDocument="{}"
        ),
    }
    for what, attempt in attempts.items():
        _stays_closed(attempt, what)
    return len(attempts)


def _stays_closed(attempt: Callable[[], object], what: str) -> None:
    try:
        attempt()
    except ClientError as refusal:
        code = refusal.response["Error"]["Code"]
        if not code.startswith("AccessDenied"):
            raise RehearsalError(f"{what}: not refused, but {refusal}") from refusal
    else:
        raise RehearsalError(f"{what}: it was let in")
