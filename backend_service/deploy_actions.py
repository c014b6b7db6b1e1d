"""The actions of the pipeline's last stage, and the functions that do most of them."""

import json
import math
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from backend_service.alarms import ServiceAlarms
from backend_service.artifacts import read_statement
from backend_service.image_repository import PULL, PUSH, ImageRepositories
from backend_service.names import LIVE_TAG, release_log_group_name
from backend_service.service import DiscoverableService, ecs_arn, service_arn
from core_infra.logs import log_group as declare_log_group
from settings import ServiceSettings

ROLLOUT_MINUTES = 30
"""Longer than a rollout with draining tasks and the minutes for which ECS then watches the alarms,
shorter than the hour that CodePipeline would wait: if the function does not stop the delivery, the
action stays in progress after ECS has given the rollout up. https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html"""

_USUAL_START_SECONDS = 30
_STARTS_OF_A_ROLLOUT = 3
"""The circuit breaker gives up after three failed tasks at the earliest. If one task is desired,
they start one after the other, and a rollout may succeed with the third one.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"""

FUNCTION_TIMEOUT = Duration.minutes(5)
"""After an error or a timeout Lambda runs the function again, one and two minutes later.
CodePipeline waits 20 minutes for an answer, which is enough for all three attempts.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""

FUNCTION_MEMORY_MIB = 1024
"""Lambda gives processor and network in proportion to memory: with this much the function copies a
layer of 1 GB within its timeout. It also holds three copies of a part of a layer."""

_CODE = Path(__file__).parent
"""Lambda gets the folder ``release`` of it, as a package."""

_RELEASE = "Release"
_RELEASED_IMAGE = "image"
"""The namespace of Release's output variables, and the variable that it sets."""

_IMAGE_DEFINITIONS_FILE = "imagedefinitions.json"
"""Release writes it, and Rollout reads it."""

# AWS authorises the action on container instances, which Fargate does not have.
_LIST_TASKS = ("ecs:ListTasks", "*")


class ReleaseFunction(Construct):
    """The Lambda function that releases and promotes images of one service.

    Creates the function, its log group and its role. Only this role may put images into
    ``released``. It may also read ``source``, and look at the service and at the alarms with
    ``alarms.rollback_names``. When ECS gives a rollout up, an EventBridge rule calls the function:
    it stops the delivery, and publishes the reason, with lines of ``log_group``, to ``topic``, if
    there is one. Exposes ``function``, ``role``, and ``function_of``, which makes another function
    of the code. The role is a child of this construct, so a resource that depends on the construct
    waits for the rights, too.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        repositories: ImageRepositories,
        alarms: ServiceAlarms,
        log_group: logs.ILogGroup,
        topic: sns.ITopic | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._containers_log_group = log_group
        self._log_group = declare_log_group(
            self,
            "LogGroup",
            name=release_log_group_name(service.full_name),
            settings=service,
        )
        self.role = role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Puts released images into one ECR repository, and moves its live tag",
        )
        # A repository of another account must also allow this account to pull.
        role.add_to_policy(
            iam.PolicyStatement(actions=list(PULL), resources=[repositories.source.repository_arn])
        )
        repositories.released.grant(role, *PUSH)
        for statement in _release_statements(self, service, alarms):
            role.add_to_policy(statement)
        if topic:
            topic.grant_publish(role)
        self._environment = {
            "REPOSITORY": repositories.released.repository_uri,
            "BUILDS": repositories.source.repository_uri,
            "LIVE_TAG": LIVE_TAG,
            "CLUSTER": service.ecs_cluster_name,
            "NAME": service.service_name,
            "CONTAINER": service.container_name,
            "DEFINITIONS_FILE": _IMAGE_DEFINITIONS_FILE,
            "ALARMS": ",".join(alarms.rollback_names),
            "LOG_GROUP": log_group.log_group_name,
            "PIPELINE": service.full_name,
            "TOPIC": topic.topic_arn if topic else "",
        }
        self.function = self.function_of(
            self, role, f"Copies and promotes images of {service.service_name}"
        )
        # The rule matches the service by its name, so it may exist before the service.
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
        events.Rule(
            self,
            "FailedRollouts",
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Deployment State Change"],
                detail={"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
                resources=[service_arn(self, service)],
            ),
            targets=[targets.LambdaFunction(self.function)],
        )

    def function_of(
        self, scope: Construct, role: iam.Role, description: str, **variables: str
    ) -> lambda_.Function:
        """Create a function of the code, with these variables, that may use the logs and answer."""
        self._log_group.grant_write(role)
        self._containers_log_group.grant(role, "logs:GetLogEvents")
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["codepipeline:PutJobFailureResult", "codepipeline:PutJobSuccessResult"],
                # The actions have no resource-level permissions; they need the id of a waiting job.
                resources=["*"],
            )
        )
        return lambda_.Function(
            scope,
            "Function",
            description=description,
            code=lambda_.Code.from_asset(
                str(_CODE),
                exclude=["/*", "!/release", "__pycache__"],
                ignore_mode=IgnoreMode.GIT,
            ),
            handler="release.function.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            # Every region has x86-64, and the function needs little processor time.
            architecture=lambda_.Architecture.X86_64,
            timeout=FUNCTION_TIMEOUT,
            memory_size=FUNCTION_MEMORY_MIB,
            log_group=self._log_group,
            environment={**self._environment, **variables},
            # The function and the actions would add broader rights.
            role=role.without_policy_updates(),
        )


def _release_statements(
    scope: Construct, service: ServiceSettings, alarms: ServiceAlarms
) -> list[iam.PolicyStatement]:
    stack = Stack.of(scope)
    alarm_arn = stack.format_arn(service="cloudwatch", resource="alarm:")
    return [
        *_looking_statements(scope, service),
        _cluster_statement(scope, service, *_LIST_TASKS),
        iam.PolicyStatement(
            actions=["cloudwatch:DescribeAlarms"],
            resources=[f"{alarm_arn}{name}" for name in alarms.rollback_names],
        ),
        iam.PolicyStatement(
            actions=["codepipeline:ListActionExecutions", "codepipeline:StopPipelineExecution"],
            resources=[stack.format_arn(service="codepipeline", resource=service.full_name)],
        ),
    ]


def _looking_statements(scope: Construct, service: ServiceSettings) -> list[iam.PolicyStatement]:
    """Return the rights to look at the service, at task definitions, and at known tasks."""
    tasks = ecs_arn(scope, "task", f"{service.ecs_cluster_name}/*")
    return [
        iam.PolicyStatement(
            actions=["ecs:DescribeServices"], resources=[service_arn(scope, service)]
        ),
        iam.PolicyStatement(
            actions=["ecs:DescribeTaskDefinition"],
            # The action has no resource-level permissions.
            resources=["*"],
        ),
        # ECS gives each task an id of its own.
        iam.PolicyStatement(actions=["ecs:DescribeTasks"], resources=[tasks]),
    ]


def _cluster_statement(
    scope: Construct, service: ServiceSettings, action: str, resource: str
) -> iam.PolicyStatement:
    """Return the right to an action on tasks, which a condition confines to the cluster."""
    in_cluster = {"ecs:cluster": ecs_arn(scope, "cluster", service.ecs_cluster_name)}
    return iam.PolicyStatement(
        actions=[action], resources=[resource], conditions={"ArnEquals": in_cluster}
    )


class DeployStage(Construct):
    """The actions of the last stage of a pipeline: release, roll out, promote.

    Release copies ``image``, the variable with the image to deliver, into the repository of the
    service. Command runs the ``command`` in it, if there is one, with the roles and the network of
    the service; it has the form of a health check. Deploy registers a task definition and waits for
    the rollout: CodePipeline takes the image from the file that Release has written, and copies the
    rest of the service's current task definition, without ``versionConsistency``
    (https://github.com/terraform-aws-modules/terraform-aws-ecs/issues/356). If ECS rolls the
    deployment back, Deploy would fail only at its timeout; the function stops the delivery before
    (see ReleaseFunction). Promote then moves the tag ``live`` to the image. The template's task
    definition names ``live``, so without the promotion the next ``cdk deploy`` would bring the
    previous image back. If ECS has rolled the new image back, Promote fails and the tag stays.

    Creates a role for each action, which the pipeline's role ``assumed_by`` may assume. Exposes
    ``actions``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        discoverable: DiscoverableService,
        release: ReleaseFunction,
        command: tuple[str, ...] | None,
        assumed_by: iam.IPrincipal,
        artifact_bucket: s3.IBucket,
        image: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._assumed_by = assumed_by
        written, call = codepipeline.Artifact(), call_statement(release.function)
        release_action = actions.LambdaInvokeAction(
            action_name=_RELEASE,
            lambda_=release.function,
            outputs=[written],
            user_parameters_string=f"release {image}",
            variables_namespace=_RELEASE,
            run_order=1,
            # Without this role CDK would grant the action the rights to list all functions and to
            # do everything with the artifacts. CodePipeline gives the role's credentials to the
            # function, which writes the file with them.
            role=self._role(
                "ReleaseRole",
                "Releases images of one service",
                call,
                iam.PolicyStatement(
                    actions=["s3:PutObject"],
                    # CodePipeline chooses the keys, and AWS does not document how.
                    resources=[artifact_bucket.arn_for_objects("*")],
                ),
            ),
        )
        self.actions: list[actions.Action] = [release_action]
        released_image = release_action.variable(_RELEASED_IMAGE)
        if command:
            function = self._command_function(command, service, release, discoverable)
            command_action = actions.LambdaInvokeAction(
                action_name="Command",
                lambda_=function,
                user_parameters_string=f"run {released_image}",
                run_order=2,
                role=self._role(
                    "CommandRole", "Runs a command before rollouts", call_statement(function)
                ),
            )
            self.actions.append(command_action)
        rollout_action = actions.EcsDeployAction(
            action_name="Deploy",
            service=discoverable.service,
            image_file=written.at_path(_IMAGE_DEFINITIONS_FILE),
            deployment_timeout=_rollout_timeout(service),
            run_order=len(self.actions) + 1,
            # Without this role CDK would grant the action iam:PassRole and ECS actions on "*".
            role=self._role(
                "RolloutRole",
                "Rolls new images out to one ECS service",
                read_statement(artifact_bucket),
                *_rollout_statements(discoverable.service, service),
            ),
        )
        promote_action = actions.LambdaInvokeAction(
            action_name="Promote",
            lambda_=release.function,
            user_parameters_string=f"promote {released_image}",
            run_order=len(self.actions) + 2,
            role=self._role("PromotionRole", "Moves the live tag of one ECR repository", call),
        )
        self.actions += [rollout_action, promote_action]

    def _command_function(
        self,
        command: tuple[str, ...],
        service: ServiceSettings,
        release: ReleaseFunction,
        discoverable: DiscoverableService,
    ) -> lambda_.Function:
        """Create the function that runs the command as a task, and its role.

        The role may start tasks of one family in one cluster, and may do nothing with images.
        """
        description = f"Runs a command of {service.service_name} before a rollout"
        lambda_service = iam.ServicePrincipal("lambda.amazonaws.com")
        role = iam.Role(self, "FunctionRole", assumed_by=lambda_service, description=description)
        # ECS numbers the revisions of the family.
        family = ecs_arn(self, "task-definition", f"{service.full_name}-command:*")
        pipeline = Stack.of(self).format_arn(service="codepipeline", resource=service.full_name)
        for statement in (
            *_looking_statements(self, service),
            *_registering_statements(discoverable.service.task_definition),
            _cluster_statement(self, service, "ecs:RunTask", family),
            iam.PolicyStatement(actions=["codepipeline:GetPipelineState"], resources=[pipeline]),
        ):
            role.add_to_policy(statement)
        kind, *words = command
        shell = ("/bin/sh", "-c") if kind == "CMD-SHELL" else ()
        variable = json.dumps([*shell, *words])
        return release.function_of(self, role, description, COMMAND=variable)

    def _role(
        self, construct_id: str, description: str, *statements: iam.PolicyStatement
    ) -> iam.IRole:
        """Create a role with these statements, to which no action can add others."""
        role = iam.Role(self, construct_id, assumed_by=self._assumed_by, description=description)
        for statement in statements:
            role.add_to_policy(statement)
        return role.without_policy_updates()


def _rollout_timeout(service: ServiceSettings) -> Duration:
    """Return how long CodePipeline waits for a rollout: longer if tasks may start slowly."""
    slower = max(0, service.start_period_seconds - _USUAL_START_SECONDS)
    return Duration.minutes(ROLLOUT_MINUTES + math.ceil(_STARTS_OF_A_ROLLOUT * slower / 60))


def _rollout_statements(
    service: ecs.FargateService, settings: ServiceSettings
) -> list[iam.PolicyStatement]:
    arn, task_definition = service_arn(service, settings), service.task_definition
    return [
        iam.PolicyStatement(actions=["ecs:UpdateService"], resources=[arn]),
        *_looking_statements(service, settings),
        _cluster_statement(service, settings, *_LIST_TASKS),
        iam.PolicyStatement(
            actions=["ecs:TagResource"],
            # ECS numbers the revisions of the family.
            resources=[ecs_arn(service, "task-definition", f"{task_definition.family}:*")],
            conditions={"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}},
        ),
        *_registering_statements(task_definition),
    ]


def _registering_statements(task_definition: ecs.TaskDefinition) -> list[iam.PolicyStatement]:
    """Return the rights to register copies of a task definition, with its two roles."""
    roles = (task_definition.task_role, task_definition.execution_role)
    return [
        iam.PolicyStatement(
            actions=["ecs:RegisterTaskDefinition"],
            # Sources disagree whether AWS authorises this action on the family of the task
            # definition. If it does not, a role with the family alone fails every delivery.
            # - The minimum policy of AWS's reference of the deploy action has "*".
            #   https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
            # - Users report refusals "on resource: *", also for roles that had the family.
            #   https://github.com/aws/containers-roadmap/issues/929 (open)
            # - The Service Authorization Reference has listed the family at times.
            # iam:PassRole, ecs:UpdateService and ecs:RunTask confine what a role can achieve.
            resources=["*"],
        ),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[role.role_arn for role in roles if role],
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
    ]


def call_statement(function: lambda_.IFunction) -> iam.PolicyStatement:
    """Return the right of an action to call a function."""
    return iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn])
