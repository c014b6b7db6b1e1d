"""What the promote action runs: one line of shell each, of at most 1000 characters.

The Commands action takes no multi-line commands and no longer ones, and does not promise that
variables survive from one command to the next.
"""

from backend_service.image_repository import LIVE_TAG

_PAUSE_SECONDS = 10
_LOOKS = 180
"""Half an hour, as long as the deploy action waits: a rollout that it has seen the end of is at
most watched for alarms by now, which takes minutes."""


def await_rollout_command(image_definitions_file: str, cluster_name: str, service_name: str) -> str:
    """Return the command that fails unless the service has completed a rollout of the image.

    ECS completes a deployment when it is steady and the alarms have been watched; after a rollback
    it completes one of the image before.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """
    ask = (
        f"ask() {{ aws ecs describe-services --cluster {cluster_name} --services {service_name}"
        " --output text --query \"services[0].deployments[?status=='PRIMARY'].$1\"; }"
    )
    look = (
        f"for look in $(seq {_LOOKS}); do state=$(ask rolloutState) || exit 1;"
        f' test "$state" = IN_PROGRESS || break; sleep {_PAUSE_SECONDS}; done'
    )
    images = (
        'images=$(aws ecs describe-task-definition --task-definition "$(ask taskDefinition)"'
        " --output text --query 'taskDefinition.containerDefinitions[].image')"
    )
    judge = (
        'case " $(echo $images) " in *" $image "*) echo "$image is rolled out";;'
        ' *) echo "rolled back: $images is in service, not $image"; exit 1;; esac'
    )
    return " && ".join(
        [
            _read_image(image_definitions_file),
            ask,
            look,
            '{ test "$state" = COMPLETED || { echo "the rollout is $state"; exit 1; }; }',
            images,
            judge,
        ]
    )


def promote_command(image_definitions_file: str, repository_name: str) -> str:
    """Return the command that tags the image named in the file as live.

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
