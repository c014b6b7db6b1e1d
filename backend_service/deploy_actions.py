"""The three actions of the pipeline's last stage: release the image, roll it out, promote it."""

import json
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from backend_service.image_repository import PULL, PUSH
from backend_service.names import LIVE_TAG

ROLLOUT_TIMEOUT = Duration.minutes(30)
"""Longer than a rollout with draining tasks and the minutes for which ECS then watches the alarms,
shorter than the hour that CodePipeline would wait: the action stays in progress after the circuit
breaker has ended a rollout. https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html"""

FUNCTION_TIMEOUT = Duration.minutes(5)
"""Lambda runs the function again after it has failed or timed out, one and two minutes later: three
attempts fit into the 20 minutes for which CodePipeline waits for an answer.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""

FUNCTION_MEMORY_MIB = 1024
"""Lambda gives processor and network by memory: this copies a layer of 1 GB within the timeout. It
also holds a part of a layer, three times over."""

_CODE = Path(__file__).parent / "release"
_RELEASE = "Release"
_RELEASED_IMAGE = "image"
"""The namespace of Release's output variables, and the one that it sets."""

_IMAGE_DEFINITIONS_FILE = "imagedefinitions.json"
"""Written by Release and nobody else, read by Rollout."""


class ReleaseFunction(Construct):
    """The Lambda function that releases and promotes images of one service.

    Creates the function, its role and its log group (deleted with the stack). Besides the seed's
    the role is the only one that may put images into ``repository``; of ``builds`` it may read, and
    it may look at the service and at its alarms, ``alarm_names``. Which names it works with is what
    the arguments say. Exposes ``function``, and the ``role`` with its policy, for what calls the
    function to wait for.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        repository: ecr.IRepository,
        builds: ecr.IRepository,
        container_name: str,
        cluster_name: str,
        service_name: str,
        service_arn: str,
        alarm_names: Sequence[str],
        log_group_name: str,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "LogGroup",
            log_group_name=log_group_name,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Puts released images into one ECR repository, and moves its live tag",
        )
        log_group.grant_write(self.role)
        builds.grant(self.role, *PULL)
        repository.grant(self.role, *PUSH)
        for statement in _release_statements(self, service_arn, alarm_names):
            self.role.add_to_policy(statement)
        self.function = lambda_.Function(
            self,
            "Function",
            description=f"Releases and promotes images of {service_name}",
            code=lambda_.Code.from_asset(str(_CODE), exclude=["__pycache__"]),
            handler="function.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            # Every region has it; the function computes next to nothing.
            architecture=lambda_.Architecture.X86_64,
            timeout=FUNCTION_TIMEOUT,
            memory_size=FUNCTION_MEMORY_MIB,
            log_group=log_group,
            environment={
                "REPOSITORY": repository.repository_uri,
                "BUILDS_REPOSITORY": builds.repository_uri,
                "LIVE_TAG": LIVE_TAG,
                "CLUSTER": cluster_name,
                "SERVICE": service_name,
                "CONTAINER": container_name,
                "IMAGE_DEFINITIONS_FILE": _IMAGE_DEFINITIONS_FILE,
                "ALARMS": json.dumps(list(alarm_names)),
            },
            # What the function and the actions would add to it is above, and narrower.
            role=self.role.without_policy_updates(),
        )


def _release_statements(
    scope: Construct, service_arn: str, alarm_names: Sequence[str]
) -> list[iam.PolicyStatement]:
    alarm = Stack.of(scope).format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name="",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return [
        iam.PolicyStatement(actions=["ecs:DescribeServices"], resources=[service_arn]),
        iam.PolicyStatement(
            actions=["ecs:DescribeTaskDefinition"],
            # The action has no resource-level permissions.
            resources=["*"],
        ),
        iam.PolicyStatement(
            actions=["cloudwatch:DescribeAlarms"],
            resources=[f"{alarm}{name}" for name in alarm_names],
        ),
        iam.PolicyStatement(
            actions=["codepipeline:PutJobFailureResult", "codepipeline:PutJobSuccessResult"],
            # Neither has resource-level permissions; they need the id of a job that waits.
            resources=["*"],
        ),
    ]


class Release(Construct):
    """Copies the image of the build into the repository of the service, and hands on its digest.

    ``built_image`` is the variable with the image of the build. Creates the role of the action,
    which ``assumed_by`` (the pipeline's role) assumes. It may call ``release`` and, since the
    function is given its credentials, write objects of the artifact bucket. Exposes ``action``,
    ``released_image`` (the variable with the image, for the action that promotes it) and
    ``image_definitions``, the file that the rollout reads.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        assumed_by: iam.IPrincipal,
        artifact_bucket: s3.IBucket,
        built_image: str,
        release: ReleaseFunction,
        run_order: int,
    ) -> None:
        super().__init__(scope, construct_id)
        role = _caller(self, assumed_by, release, "Releases images of one service")
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject"],
                resources=[artifact_bucket.arn_for_objects("*")],
            )
        )
        output = codepipeline.Artifact()
        action = actions.LambdaInvokeAction(
            action_name=_RELEASE,
            lambda_=release.function,
            outputs=[output],
            user_parameters_string=f"release {built_image}",
            variables_namespace=_RELEASE,
            run_order=run_order,
            # By itself the action lists all functions, and does anything with the artifacts.
            role=role.without_policy_updates(),
        )
        self.action = action
        self.image_definitions = output.at_path(_IMAGE_DEFINITIONS_FILE)
        self.released_image = action.variable(_RELEASED_IMAGE)


class Rollout(Construct):
    """Registers a task definition with the new image and waits until ECS has rolled it out.

    The image is that in ``image_definitions``, the file that Release has written; everything else
    is copied from the task definition that the service runs. If ECS gives the rollout up, the
    action fails at its timeout only.

    Creates the role of the action, which ``assumed_by`` (the pipeline's role) assumes and which may
    register task definitions, pass on this one's task role and ``execution_role``, update the
    service ``service_arn`` and watch its tasks. Exposes ``action``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        assumed_by: iam.IPrincipal,
        artifact_bucket: s3.IBucket,
        image_definitions: codepipeline.ArtifactPath,
        service: ecs.FargateService,
        service_arn: str,
        execution_role: iam.IRole,
        run_order: int,
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=assumed_by,
            description="Rolls new images out to one ECS service",
        )
        role.add_to_policy(
            iam.PolicyStatement(
                # Objects alone, as AWS has it for a role that one action reads artifacts with.
                # https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-create-cross-account.html
                actions=["s3:GetObject", "s3:GetObjectVersion"],
                resources=[artifact_bucket.arn_for_objects("*")],
            )
        )
        for statement in _rollout_statements(self, service, service_arn, execution_role):
            role.add_to_policy(statement)
        self.action = actions.EcsDeployAction(
            action_name="Deploy",
            service=service,
            image_file=image_definitions,
            deployment_timeout=ROLLOUT_TIMEOUT,
            run_order=run_order,
            # By itself the action takes iam:PassRole and ECS actions on "*".
            role=role.without_policy_updates(),
        )


def _rollout_statements(
    scope: Construct, service: ecs.FargateService, service_arn: str, execution_role: iam.IRole
) -> list[iam.PolicyStatement]:
    stack = Stack.of(scope)
    cluster, task_definition = service.cluster, service.task_definition

    def ecs_arn(resource: str, name: str) -> str:
        return stack.format_arn(
            service="ecs",
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )

    revisions = ecs_arn("task-definition", f"{task_definition.family}:*")
    return [
        iam.PolicyStatement(
            actions=["ecs:DescribeServices", "ecs:UpdateService"], resources=[service_arn]
        ),
        iam.PolicyStatement(
            actions=["ecs:RegisterTaskDefinition"],
            # Sources disagree whether AWS authorises it on the family; if not, no delivery passes.
            # - The minimum policy of AWS's own reference of this action has "*".
            #   https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
            # - Refusals in the field are "on resource: *", also of roles that had the family.
            #   https://github.com/aws/containers-roadmap/issues/929 (open)
            # - The Service Authorization Reference has listed the family, and not listed it.
            # What confines the role is what it may pass on, and the one service that it may update.
            resources=["*"],
        ),
        iam.PolicyStatement(
            actions=["ecs:TagResource"],
            resources=[revisions],
            conditions={"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}},
        ),
        iam.PolicyStatement(
            actions=["ecs:DescribeTasks"],
            resources=[ecs_arn("task", f"{cluster.cluster_name}/*")],
        ),
        iam.PolicyStatement(
            actions=["ecs:ListTasks"],
            # Authorised on container instances, which Fargate has none of; the condition
            # confines it to the cluster.
            resources=["*"],
            conditions={"ArnEquals": {"ecs:cluster": cluster.cluster_arn}},
        ),
        iam.PolicyStatement(
            actions=["ecs:DescribeTaskDefinition"],
            # The action has no resource-level permissions.
            resources=["*"],
        ),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[task_definition.task_role.role_arn, execution_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
    ]


class Promotion(Construct):
    """Moves the tag ``live`` to the ``released_image``, once the service has completed its rollout.

    The template's task definition names ``live``: without the promotion the next ``cdk deploy``
    would bring the previous image back. An image that ECS has rolled back, because its tasks fail
    or an alarm went off, is not promoted: the action fails.

    Creates the role of the action, which ``assumed_by`` (the pipeline's role) assumes and which may
    call ``release`` and nothing else. Exposes ``action``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        assumed_by: iam.IPrincipal,
        released_image: str,
        release: ReleaseFunction,
        run_order: int,
    ) -> None:
        super().__init__(scope, construct_id)
        role = _caller(self, assumed_by, release, "Moves the live tag of one ECR repository")
        self.action = actions.LambdaInvokeAction(
            action_name="Promote",
            lambda_=release.function,
            user_parameters_string=f"promote {released_image}",
            run_order=run_order,
            role=role.without_policy_updates(),
        )


def _caller(
    scope: Construct, assumed_by: iam.IPrincipal, release: ReleaseFunction, description: str
) -> iam.Role:
    role = iam.Role(scope, "Role", assumed_by=assumed_by, description=description)
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["lambda:InvokeFunction"], resources=[release.function.function_arn]
        )
    )
    return role
