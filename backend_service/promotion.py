"""The action that makes a deployed image the live one."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from backend_service.image_repository import LIVE_TAG


class Promotion(Construct):
    """Moves the tag ``live`` to the image that the rollout before it has deployed.

    The template's task definition names ``live``: without the promotion the next ``cdk deploy``
    would bring the previous image back. Creates the role of the action, which the pipeline assumes
    and which may read and tag images of ``repository`` only, read artifacts, and write the log of
    the action. Exposes ``action``.
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
        role.add_to_policy(_write_log(self, log_group_name))
        self.action = actions.CommandsAction(
            action_name="Promote",
            input=build_output,
            commands=[promote_command(image_definitions_file, repository_name)],
            run_order=run_order,
            # By itself the action grants the same, but names the pipeline, which the role's policy
            # then would be created after.
            role=role.without_policy_updates(),
        )


def _write_log(scope: Construct, log_group_name: str) -> iam.PolicyStatement:
    log_group_arn = Stack.of(scope).format_arn(
        service="logs",
        resource="log-group",
        resource_name=log_group_name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return iam.PolicyStatement(
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html
        actions=[
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:GetLogEvents",
            "logs:PutLogEvents",
        ],
        # The log group, and its streams.
        resources=[log_group_arn, f"{log_group_arn}:*"],
    )


def promote_command(image_definitions_file: str, repository_name: str) -> str:
    """Return the shell command that tags the image named in the file as live.

    One line, because the Commands action takes no multi-line commands and does not promise that
    variables survive from one command to the next, and no longer than the 1000 characters that it
    takes. The image is copied by manifest, as
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html does it; the digest
    makes ECR refuse a manifest that was changed on the way. ECR also refuses to tag an image
    with a tag that it has already, so a repeated run stops before that.
    """
    field = r's/.*"imageUri": *"\([^"]*\)".*/\1/p'
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
            f"repository={repository_name}",
            f"image=$(sed -n '{field}' {image_definitions_file})",
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
