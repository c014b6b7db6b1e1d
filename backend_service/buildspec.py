"""The blueprint's own buildspec, for any repository with a Dockerfile."""

from collections.abc import Iterable
from typing import Any

IMAGE_VARIABLE = "IMAGE"
"""The variable that a buildspec exports: its pushed image, as ``repository:tag@sha256:digest``.

CodePipeline fixes the value when the build ends. A build could change an artifact later, as long as
its credentials are valid, but not this variable.
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ExportedEnvironmentVariable.html"""

_REQUIRED = (
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

# The domain is that of the own registry: both are in the same partition.
_LOG_IN_ELSEWHERE = """\
set -euo pipefail
registry="{1}.dkr.ecr.{0}.${{REPO_URL#*.dkr.ecr.*.}}"
aws ecr get-login-password --region {0} \\
  | docker login --username AWS --password-stdin "${{registry%%/*}}"
"""

_PUSH = f"""\
set -euo pipefail
pushed=$(docker push "${{TAGGED}}")
echo "${{pushed}}"
digest=$(sed -n 's/.*: digest: \\(sha256:[0-9a-f]*\\) size: .*/\\1/p' <<< "${{pushed}}")
export {IMAGE_VARIABLE}="${{TAGGED}}@${{digest:?docker push has named no digest}}"
"""


def own_buildspec(secret_names: Iterable[str], base_images: Iterable[str] = ()) -> dict[str, Any]:
    """Return the buildspec that builds, pushes and exports one image, for any Dockerfile.

    It stops if a variable of the project that it needs is not set (see ``ImageBuild``). The
    Dockerfile can mount the variables ``secret_names`` as secrets
    (``RUN --mount=type=secret,id=NAME``), so no layer contains them. The build also signs in to the
    registries of ``base_images``, which are ARNs of ECR repositories.

    The build takes layers from the image in service, if this buildspec has built that image, and
    from the cache of CodeBuild's host. Without them it is only slower.
    """
    registries = dict.fromkeys(tuple(arn.split(":")[3:5]) for arn in base_images)
    secrets = "".join(f" --secret id={name},env={name}" for name in secret_names)
    build = (
        'docker build --tag "${TAGGED}" --file "${DOCKERFILE_PATH}"'
        # This argument is for BuildKit, not for the Dockerfile: the image then lists its layers.
        " --build-arg BUILDKIT_INLINE_CACHE=1"
        f' --cache-from "${{LIVE_REPO_URL}}:${{LIVE_TAG}}"{secrets} "${{FOLDER_PATH}}"'
    )
    return {
        "version": "0.2",
        "env": {
            "shell": "bash",
            "variables": {
                "DOCKER_BUILDKIT": "1",
                # Push a plain image instead of an index with an attestation.
                "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
            },
            "exported-variables": [IMAGE_VARIABLE],
        },
        # There is no post_build phase: CodeBuild runs it after a failed build, too.
        "phases": {
            "pre_build": {
                "on-failure": "ABORT",
                "commands": [
                    ": " + " ".join(f'"${{{name}:?}}"' for name in _REQUIRED),
                    # Tags are immutable, so each build of a commit has a tag of its own.
                    _NAME_THE_IMAGE,
                    _LOG_IN,
                    *(_LOG_IN_ELSEWHERE.format(*registry) for registry in registries),
                ],
            },
            "build": {
                "on-failure": "ABORT",
                "commands": [build, _PUSH],
            },
        },
    }
