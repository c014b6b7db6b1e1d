"""The blueprint's own buildspec: for any repository with a Dockerfile."""

from collections.abc import Iterable
from typing import Any

IMAGE_VARIABLE = "IMAGE"
"""What a buildspec exports: the image that it has pushed, as ``repository:tag@sha256:digest``.

CodePipeline keeps its value when the build ends. A build can change an artifact afterwards, while
it holds credentials, but not that.
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ExportedEnvironmentVariable.html"""

_ASKED_FOR = (
    *("REPO_URL", "LIVE_REPO_URL", "LIVE_TAG", "FOLDER_PATH", "DOCKERFILE_PATH"),
    *("CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_BUILD_NUMBER"),
)

_NAME_THE_IMAGE = """\
export TAGGED="${REPO_URL}:${CODEBUILD_RESOLVED_SOURCE_VERSION}-${CODEBUILD_BUILD_NUMBER}"
"""

_LOG_IN = """\
set -euo pipefail
aws ecr get-login-password | docker login --username AWS --password-stdin "${REPO_URL%%/*}"
"""

_PUSH = f"""\
set -euo pipefail
pushed=$(docker push "${{TAGGED}}")
echo "${{pushed}}"
digest=$(sed -n 's/.*: digest: \\(sha256:[0-9a-f]*\\) size: .*/\\1/p' <<< "${{pushed}}")
export {IMAGE_VARIABLE}="${{TAGGED}}@${{digest:?docker push has named no digest}}"
"""


def own_buildspec(secret_names: Iterable[str]) -> dict[str, Any]:
    """Return the buildspec that builds, pushes and exports one image, whatever its Dockerfile says.

    Of the project's variables (see ``ImageBuild``) it asks for those that it needs, and stops
    without them. A Dockerfile mounts the variables ``secret_names`` as secrets
    (``RUN --mount=type=secret,id=NAME``), so that they are in no layer.

    Layers come from the image in service, if that was built so and can be pulled, and from the
    cache of CodeBuild's host, if that has built before. Without either a build is only slower.
    """
    secrets = "".join(f" --secret id={name},env={name}" for name in secret_names)
    build = (
        'docker build --tag "${TAGGED}" --file "${DOCKERFILE_PATH}"'
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
            "exported-variables": [IMAGE_VARIABLE],
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
                "commands": [build, _PUSH],
            },
        },
    }
