"""The two actions of the pipeline's last stage: roll the image out, then promote it."""

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from backend_service.names import LIVE_TAG

ROLLOUT_TIMEOUT = Duration.minutes(30)
"""Longer than a rollout with draining tasks and the minutes for which ECS then watches the alarms,
shorter than the hour that CodePipeline would wait: the action stays in progress after the circuit
breaker has ended a rollout. https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html"""


class Rollout(Construct):
    """Registers a task definition with the new image and waits until ECS has rolled it out.

    The image is that in ``image_definitions``, the file that the build has written; everything else
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
        artifact_bucket.grant_read(role)
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
    """Moves the tag ``live`` to the image that the rollout before it has deployed.

    The template's task definition names ``live``: without the promotion the next ``cdk deploy``
    would bring the previous image back. An image that ECS has rolled back, because its tasks fail
    or an alarm went off, is not promoted: the action fails.

    Creates the role of the action, which ``assumed_by`` (the pipeline's role) assumes and which may
    look at the service, read and tag images of ``repository`` only, read artifacts, and write the
    log of the action. ``build_output`` contains ``image_definitions_file``. ``cluster_name`` and
    ``service_name`` have at most 100 characters together, for the sake of the command's length.
    Exposes ``action``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        assumed_by: iam.IPrincipal,
        artifact_bucket: s3.IBucket,
        log_group_name: str,
        build_output: codepipeline.Artifact,
        image_definitions_file: str,
        cluster_name: str,
        service_name: str,
        service_arn: str,
        repository: ecr.IRepository,
        repository_name: str,
        run_order: int,
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=assumed_by,
            description="Moves the live tag of one ECR repository",
        )
        repository.grant(role, "ecr:BatchGetImage", "ecr:PutImage")
        artifact_bucket.grant_read(role)
        for statement in _promotion_statements(self, service_arn, log_group_name):
            role.add_to_policy(statement)
        self.action = actions.CommandsAction(
            action_name="Promote",
            input=build_output,
            commands=[
                await_rollout_command(image_definitions_file, cluster_name, service_name),
                promote_command(image_definitions_file, repository_name),
            ],
            run_order=run_order,
            # By itself the action grants the same, but names the pipeline, which the role's policy
            # then would be created after.
            role=role.without_policy_updates(),
        )


def _promotion_statements(
    scope: Construct, service_arn: str, log_group_name: str
) -> list[iam.PolicyStatement]:
    log_group_arn = Stack.of(scope).format_arn(
        service="logs",
        resource="log-group",
        resource_name=log_group_name,
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
            # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html
            # has logs:CreateLogGroup, too: with it a late write makes the group again after a
            # destroy, and the next deploy fails. The group is declared; the pipeline waits for it.
            actions=["logs:CreateLogStream", "logs:GetLogEvents", "logs:PutLogEvents"],
            # The log group, and its streams.
            resources=[log_group_arn, f"{log_group_arn}:*"],
        ),
    ]


# What the promote action runs: one line of shell each, of at most 1000 characters. The Commands
# action takes no multi-line commands and no longer ones, and does not promise that variables
# survive from one command to the next; files do, in the container of the action. It runs them in
# CodeBuild, whose buildspec is YAML: there a colon and a space in a command that is not quoted make
# a map of it, and the action ends before it begins. So no command has ": " or " #" in it.
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
# https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html

_POLL_SECONDS = 10
_POLLS = 180
"""Half an hour, and the time that the calls take: far longer than ECS watches the alarms, and less
than the 55 minutes after which a Commands action is ended."""

_MARKER = "rolled-out"
"""The file that the first command leaves beside the artifact; without it the second one fails."""


def await_rollout_command(image_definitions_file: str, cluster_name: str, service_name: str) -> str:
    """Return the command that fails unless the service has completed a rollout of the image.

    ECS completes a deployment when it is steady and the alarms have been watched; after a rollback
    it completes one of the image before. A call that fails is repeated like one that comes too
    early: if it ended the action, the service would run an image that is not live.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """
    poll = (
        f"set -- $(aws ecs describe-services --cluster {cluster_name} --services {service_name}"
        " --output text --query"
        " \"services[0].deployments[?status=='PRIMARY'].[rolloutState,taskDefinition]\")"
    )
    images = (
        'images=$(aws ecs describe-task-definition --task-definition "$2" --output text'
        " --query 'taskDefinition.containerDefinitions[].image')"
    )
    judge = (
        f'case " $(echo $images) " in *" $image "*) touch {_MARKER};; *) echo'
        ' "$images is in service, not $image (rolled back or replaced), so retry the whole stage";'
        " exit 1;; esac"
    )
    return " && ".join(
        [
            f"rm -f {_MARKER}",
            _read_image(image_definitions_file),
            (
                f"for look in $(seq {_POLLS}); do {poll};"
                f' case "$1" in ""|IN_PROGRESS) sleep {_POLL_SECONDS};; *) break;; esac; done'
            ),
            '{ test "$1" = COMPLETED || { echo "the rollout is ${1:-unknown}"; exit 1; }; }',
            images,
            judge,
        ]
    )


def promote_command(image_definitions_file: str, repository_name: str) -> str:
    """Return the command that tags the image named in the file as live, once it is rolled out.

    It fails if the first command has not left its marker, or if the repository has no such image.
    The image is copied by manifest, as
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html does it; the digest
    makes ECR refuse a manifest that was changed on the way. ECR also refuses to tag an image
    with a tag that it has already, so a repeated run stops before that.
    """
    get = (
        'get() { aws ecr batch-get-image --repository-name "$repository" --output text'
        ' --image-ids imageTag="$1" --query "images[0].$2"; }'
    )
    put = (
        f'aws ecr put-image --repository-name "$repository" --image-tag {LIVE_TAG}'
        ' --image-digest "$digest" --image-manifest "$manifest"'
        ' --image-manifest-media-type "$type" > /dev/null'
    )
    return " && ".join(
        [
            f"test -e {_MARKER}",
            f"repository={repository_name}",
            _read_image(image_definitions_file),
            'tag="${image##*:}"',
            get,
            'digest=$(get "$tag" imageId.imageDigest)',
            'case "$digest" in sha256:*) ;; *) echo "no image $image"; exit 1;; esac',
            'manifest=$(get "$tag" imageManifest)',
            'type=$(get "$tag" imageManifestMediaType)',
            f"live=$(get {LIVE_TAG} imageId.imageDigest)",
            f'{{ test "$live" = "$digest" || {put}; }}',
            f'echo "$image is {LIVE_TAG}"',
        ]
    )


def _read_image(image_definitions_file: str) -> str:
    field = r's/.*"imageUri":[ ]*"\([^"]*\)".*/\1/p'
    return f"image=$(sed -n '{field}' {image_definitions_file})"
