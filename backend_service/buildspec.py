"""The blueprint's own buildspec: for any repository with a Dockerfile."""

from collections.abc import Iterable
from typing import Any

_ASKED_FOR = (
    *("REPO_URL", "LIVE_REPO_URL", "LIVE_TAG", "CONTAINER_NAME", "FOLDER_PATH", "DOCKERFILE_PATH"),
    "IMAGE_DEFINITIONS_FILE",
    *("CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_BUILD_NUMBER"),
)

_NAME_THE_IMAGE = """\
export IMAGE="${REPO_URL}:${CODEBUILD_RESOLVED_SOURCE_VERSION}-${CODEBUILD_BUILD_NUMBER}"
"""

_LOG_IN = """\
set -euo pipefail
aws ecr get-login-password | docker login --username AWS --password-stdin "${REPO_URL%%/*}"
"""

_TELL_THE_PIPELINE = """\
mkdir blueprint-artifact
printf '[{"name":"%s","imageUri":"%s"}]\\n' "${CONTAINER_NAME}" "${IMAGE}" \\
  > "blueprint-artifact/${IMAGE_DEFINITIONS_FILE}"
"""


def own_buildspec(secret_names: Iterable[str]) -> dict[str, Any]:
    """Return the buildspec that builds, pushes and names one image, whatever its Dockerfile says.

    Of the project's variables (see ``ImageBuild``) it asks for those that it needs, and stops
    without them. A Dockerfile mounts the variables ``secret_names`` as secrets
    (``RUN --mount=type=secret,id=NAME``), so that they are in no layer.

    Layers come from the image in service, if that was built so and can be pulled, and from the
    cache of CodeBuild's host, if that has built before. Without either a build is only slower.
    """
    secrets = "".join(f" --secret id={name},env={name}" for name in secret_names)
    build = (
        'docker build --tag "${IMAGE}" --file "${DOCKERFILE_PATH}"'
        # BuildKit's own, of which no Dockerfile knows: the image tells of its layers.
        " --build-arg BUILDKIT_INLINE_CACHE=1"
        f' --cache-from "${{LIVE_REPO_URL}}:${{LIVE_TAG}}"{secrets} "${{FOLDER_PATH}}"'
    )
    return {
        "version": "0.2",
        "env": {
            "shell": "bash",
            "variables": {
                "DOCKER_BUILDKIT": "1",
                # A plain image instead of an index with an attestation, which nobody reads here.
                "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
            },
        },
        # No post_build: CodeBuild runs that one after a failed build as well.
        "phases": {
            "pre_build": {
                "on-failure": "ABORT",
                "commands": [
                    ": " + " ".join(f'"${{{name}:?}}"' for name in _ASKED_FOR),
                    # Never used twice, not even when a commit is built again: tags are immutable.
                    _NAME_THE_IMAGE,
                    _LOG_IN,
                ],
            },
            "build": {
                "on-failure": "ABORT",
                # The file comes last: artifacts are collected after a failed build, too.
                "commands": [build, 'docker push "${IMAGE}"', _TELL_THE_PIPELINE],
            },
        },
        # A folder, because CodeBuild documents no variables in the names of files.
        "artifacts": {"base-directory": "blueprint-artifact", "files": ["**/*"]},
    }
