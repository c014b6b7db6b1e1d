"""The action that makes a deployed image the live one."""

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from backend_service.image_repository import LIVE_TAG


class Promotion(Construct):
    """Moves the tag ``live`` to the image that the rollout before it has deployed.

    The template's task definition names ``live``: without the promotion the next ``cdk deploy``
    would bring the previous image back. Creates the role of the action, which the
    pipeline assumes and which may read and tag images of ``repository`` only. Exposes ``action``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        assumed_by: iam.IPrincipal,
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
        self.action = actions.CommandsAction(
            action_name="Promote",
            input=build_output,
            commands=[promote_command(image_definitions_file, repository_name)],
            run_order=run_order,
            role=role,
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
