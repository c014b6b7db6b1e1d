"""The promotion: its rights, and its real command run against a recording ``aws``."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend_service.image_repository import LIVE_TAG
from backend_service.promotion_commands import await_rollout_command, promote_command
from tests.synthesis import synthesise

SERVICE = "BackendServiceStack"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:0a1b2c3d-7"
NEW, OLD = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"
# What ECR signs is the text to the last space: it has to arrive as it was.
MANIFEST = '{\n   "schemaVersion": 2,\n   "mediaType": "it\'s $HOME \\n"\n}'

AWS = """#!/bin/sh
echo "$1 $2 $3 $4" >> "$RECORDS/calls"
case "$*" in
  *put-image*)
    shift 2
    while [ $# -gt 0 ]; do printf %s "$2" > "$RECORDS/put$1"; shift 2; done
    exit "$PUT_STATUS";;
  *imageTag=live*) echo "$LIVE";;
  *imageTag=0a1b2c3d-7*imageDigest*) echo "$DIGEST"; exit "$GET_STATUS";;
  *imageTag=0a1b2c3d-7*imageManifestMediaType*) echo "$MEDIA_TYPE";;
  *imageTag=0a1b2c3d-7*imageManifest*) cat "$RECORDS/manifest";;
  *) echo "unexpected: $*" >&2; exit 64;;
esac
"""


@dataclass(frozen=True)
class Run:
    """How the command ended, and what it asked ``aws`` for."""

    status: int
    output: str
    records: Path

    @property
    def calls(self) -> list[str]:
        return (self.records / "calls").read_text(encoding="utf-8").splitlines()

    def put(self) -> dict[str, str]:
        """Return the options of ``put-image``."""
        files = self.records.glob("put--*")
        return {f.name.removeprefix("put--"): f.read_text(encoding="utf-8") for f in files}


def promote(
    folder: Path,
    shell: str,
    *,
    image: str = IMAGE,
    digest: str = NEW,
    live: str = OLD,
    get_status: int = 0,
    put_status: int = 0,
    rolled_out: bool = True,
) -> Run:
    """Run the command as CodePipeline does: in the folder of the build's artifact."""
    tools, artifact, records = folder / "bin", folder / "artifact", folder / "records"
    for made in (tools, artifact, records):
        made.mkdir()
    (tools / "aws").write_text(AWS, encoding="utf-8")
    (tools / "aws").chmod(0o755)
    (records / "manifest").write_text(MANIFEST, encoding="utf-8")
    # Written as the buildspec writes it.
    definitions = f'[{{"name":"web","imageUri":"{image}"}}]\n'
    (artifact / "images.json").write_text(definitions, encoding="utf-8")
    if rolled_out:
        (artifact / "rolled-out").touch()
    done = subprocess.run(
        [shell, "-c", promote_command("images.json", "shop")],
        cwd=artifact,
        env={
            "PATH": f"{tools}{os.pathsep}{os.defpath}",
            "RECORDS": str(records),
            "DIGEST": digest,
            "LIVE": live,
            "MEDIA_TYPE": MEDIA_TYPE,
            "GET_STATUS": str(get_status),
            "PUT_STATUS": str(put_status),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr, records)


def promote_action() -> dict[str, Any]:
    stages = synthesise().only(SERVICE, "AWS::CodePipeline::Pipeline")["Stages"]
    return dict(stages[-1]["Actions"][-1])


def test_the_deployed_image_is_tagged_live(tmp_path: Path, shell: str) -> None:
    run = promote(tmp_path, shell)
    assert run.status == 0, run.output
    assert run.put() == {
        "repository-name": "shop",
        "image-tag": LIVE_TAG,
        "image-digest": NEW,
        "image-manifest": MANIFEST,
        "image-manifest-media-type": MEDIA_TYPE,
    }
    assert f"{IMAGE} is {LIVE_TAG}" in run.output


def test_the_first_promotion_needs_no_live_image(tmp_path: Path, shell: str) -> None:
    run = promote(tmp_path, shell, live="None")
    assert run.status == 0, run.output
    assert run.put()["image-digest"] == NEW


def test_an_image_that_is_live_already_is_left_alone(tmp_path: Path, shell: str) -> None:
    run = promote(tmp_path, shell, live=NEW)
    assert run.status == 0, run.output
    assert run.put() == {}


def test_without_the_mark_of_the_first_command_nothing_is_promoted(
    tmp_path: Path, shell: str
) -> None:
    run = promote(tmp_path, shell, rolled_out=False)
    assert run.status != 0
    assert not (run.records / "calls").exists()


def test_an_image_that_is_not_in_the_repository_fails_the_delivery(
    tmp_path: Path, shell: str
) -> None:
    run = promote(tmp_path, shell, digest="None")
    assert run.status != 0
    assert f"no image {IMAGE}" in run.output
    assert run.put() == {}


def test_an_answer_that_never_came_fails_the_delivery(tmp_path: Path, shell: str) -> None:
    run = promote(tmp_path, shell, get_status=254)
    assert run.status != 0
    assert run.put() == {}


def test_a_tag_that_could_not_be_moved_fails_the_delivery(tmp_path: Path, shell: str) -> None:
    run = promote(tmp_path, shell, put_status=254)
    assert run.status != 0
    assert f"is {LIVE_TAG}" not in run.output


def test_only_the_repository_of_the_service_is_asked(tmp_path: Path, shell: str) -> None:
    run = promote(tmp_path, shell)
    assert set(run.calls) == {
        "ecr batch-get-image --repository-name shop",
        "ecr put-image --repository-name shop",
    }


@pytest.mark.parametrize("length", [15, 256])
def test_the_command_is_one_that_codepipeline_takes(length: int) -> None:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html."""
    command = promote_command("imagedefinitions.json", "x" * length)
    assert "\n" not in command
    assert len(command) <= 1000


def test_the_action_promotes_what_the_service_has_completed_a_rollout_of() -> None:
    assert promote_action()["Commands"] == [
        await_rollout_command("imagedefinitions.json", "ecs-blueprint-infra", "ecsdemo-backend"),
        promote_command("imagedefinitions.json", "ecsdemo-backend"),
    ]


def test_it_may_read_and_tag_images_of_this_repository_only() -> None:
    (repository,) = synthesise().resources(SERVICE, "AWS::ECR::Repository")
    statements = synthesise().granted(SERVICE, promote_action()["RoleArn"])
    (on_images,) = (s for s in statements if "ecr:PutImage" in s["Action"])
    assert on_images["Action"] == ["ecr:BatchGetImage", "ecr:PutImage"]
    assert on_images["Resource"] == {"Fn::GetAtt": [repository, "Arn"]}
    (anywhere,) = (s["Action"] for s in statements if s["Resource"] == "*")
    assert anywhere == "ecs:DescribeTaskDefinition"


def test_it_looks_at_this_service_only() -> None:
    service = synthesise().only(SERVICE, "AWS::ECS::Service")
    statements = synthesise().granted(SERVICE, promote_action()["RoleArn"])
    (looking,) = (s for s in statements if s["Action"] == "ecs:DescribeServices")
    cluster = "ecs-blueprint-infra"
    assert looking["Resource"].endswith(f":service/{cluster}/{service['ServiceName']}")
