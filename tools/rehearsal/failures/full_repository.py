"""The service is destroyed with images in ECR and objects in the artifact bucket."""

import json

from tools.rehearsal.expectation import expect_true
from tools.rehearsal.failures.stage import DESTROY_SERVICE, Stage
from tools.rehearsal.failures.user_view import as_typed, tell
from tools.rehearsal.world import SERVICE

_IMAGES, _OBJECTS = 3, 4
_OCI = "application/vnd.oci.image"


def play(stage: Stage) -> None:
    """Fill the repository and the bucket, then destroy the service."""
    stage.narrator.chapter("Destroy with images and artifacts")
    with stage.narrator.step("Fill the repository and the bucket") as step:
        _push_images(stage)
        _store_objects(stage)
        step.note = f"{_IMAGES} images beside `live`, {_OBJECTS} versions of objects"
    with stage.narrator.step("All of the service is gone, the core stays") as step:
        said = stage.workspace.cdk(*DESTROY_SERVICE, "--force")
        expect_true("the stack is gone", holds=stage.status() is None)
        stage.expect_core_alone()
        step.note = "nothing had to be emptied by hand"
    tell(stage.narrator, as_typed(DESTROY_SERVICE), said)


def _push_images(stage: Stage) -> None:
    ecr = stage.world.aws.client("ecr")
    repository = stage.world.outputs(SERVICE)["ImageRepositoryUri"].partition("/")[2]
    for number in range(_IMAGES):
        content = {
            "mediaType": f"{_OCI}.config.v1+json",
            "size": number,
            "digest": f"sha256:{number:064}",
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": content,
            "layers": [],
        }
        ecr.put_image(
            repositoryName=repository,
            imageTag=f"build-{number}",
            imageManifest=json.dumps(manifest),
            imageManifestMediaType=manifest["mediaType"],
        )


def _store_objects(stage: Stage) -> None:
    pipeline = stage.world.aws.client("codepipeline").get_pipeline(
        name=stage.world.outputs(SERVICE)["PipelineName"]
    )["pipeline"]
    s3, bucket = stage.world.aws.client("s3"), pipeline["artifactStore"]["location"]
    for number in range(_OBJECTS):
        # Each key twice: a bucket with versioning keeps both.
        s3.put_object(Bucket=bucket, Key=f"artifact-{number // 2}", Body=b"artifact")
