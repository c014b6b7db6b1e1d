"""What the promote action runs: one line of shell each, of at most 1000 characters.

The Commands action takes no multi-line commands and no longer ones, and does not promise that
variables survive from one command to the next; files do, in the container of the action.
"""

from backend_service.image_repository import LIVE_TAG

_PAUSE_SECONDS = 10
_LOOKS = 180
"""Half an hour and more, far longer than ECS watches the alarms, and within the hour that
CodePipeline gives an action.
https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html"""

_MARK = "rolled-out"
"""A file beside the artifact: without it the second command does nothing."""


def await_rollout_command(image_definitions_file: str, cluster_name: str, service_name: str) -> str:
    """Return the command that fails unless the service has completed a rollout of the image.

    ECS completes a deployment when it is steady and the alarms have been watched; after a rollback
    it completes one of the image before. A look that fails is repeated like one that comes too
    early: if it ended the action, the service would run an image that is not live.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """
    look = (
        f"set -- $(aws ecs describe-services --cluster {cluster_name} --services {service_name}"
        " --output text --query"
        " \"services[0].deployments[?status=='PRIMARY'].[rolloutState,taskDefinition]\")"
    )
    images = (
        'images=$(aws ecs describe-task-definition --task-definition "$2" --output text'
        " --query 'taskDefinition.containerDefinitions[].image')"
    )
    judge = (
        f'case " $(echo $images) " in *" $image "*) touch {_MARK};; *) echo'
        ' "$images is in service, not $image: rolled back or replaced, so retry the whole stage";'
        " exit 1;; esac"
    )
    return " && ".join(
        [
            f"rm -f {_MARK}",
            _read_image(image_definitions_file),
            (
                f"for look in $(seq {_LOOKS}); do {look};"
                f' case "$1" in ""|IN_PROGRESS) sleep {_PAUSE_SECONDS};; *) break;; esac; done'
            ),
            '{ test "$1" = COMPLETED || { echo "the rollout is ${1:-unknown}"; exit 1; }; }',
            images,
            judge,
        ]
    )


def promote_command(image_definitions_file: str, repository_name: str) -> str:
    """Return the command that tags the image named in the file as live, once it is rolled out.

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
            f"test -e {_MARK}",
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
    field = r's/.*"imageUri": *"\([^"]*\)".*/\1/p'
    return f"image=$(sed -n '{field}' {image_definitions_file})"
