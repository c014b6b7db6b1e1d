"""Rollout and promotion: their rights, and the promotion's commands, run in real shells."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend_service.deploy_actions import await_rollout_command, promote_command
from backend_service.names import LIVE_TAG
from settings.examples import ACCOUNT, REGION
from tests.synthesis import EXISTING, TOPOLOGIES, Synthesis, synthesise

SERVICE = "BackendServiceStack"
FAMILY = "arn:aws:ecs:eu-west-1:123456789012:task-definition/ecs-blueprint-infra-ecsdemo-backend:*"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:0a1b2c3d-7"
OLD_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:0a1b2c3d-6"
SIDECAR = "public.ecr.aws/xray/aws-xray-daemon:3.x"
NEW, OLD = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"
# What ECR signs is the text to the last space: it has to arrive as it was.
MANIFEST = '{\n   "schemaVersion": 2,\n   "mediaType": "it\'s $HOME \\n"\n}'


def deploy_action(synthesis: Synthesis) -> dict[str, Any]:
    stages = synthesis.only(SERVICE, "AWS::CodePipeline::Pipeline")["Stages"]
    return dict(stages[-1]["Actions"][0])


def by_action(synthesis: Synthesis) -> dict[str, dict[str, Any]]:
    """Return the statements of the role of the deploy action, by each action that they allow."""
    found: dict[str, dict[str, Any]] = {}
    for statement in synthesis.granted(SERVICE, deploy_action(synthesis)["RoleArn"]):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert action not in found, "an action is allowed twice"
            found[action] = statement
    return found


def test_the_new_image_goes_to_the_service_of_the_stack() -> None:
    (service,) = synthesise().resources(SERVICE, "AWS::ECS::Service")
    properties = synthesise().only(SERVICE, "AWS::ECS::Service")
    configuration = deploy_action(synthesise())["Configuration"]
    assert configuration["ServiceName"] == {"Fn::GetAtt": [service, "Name"]}
    assert configuration["ClusterName"] == properties["Cluster"]


def test_a_rollout_that_does_not_end_is_given_up_before_the_hour_of_codepipeline() -> None:
    assert deploy_action(synthesise())["Configuration"]["DeploymentTimeout"] == 30


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_rollout_passes_on_exactly_the_two_roles_of_the_tasks(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    definition = synthesis.only(SERVICE, "AWS::ECS::TaskDefinition")
    statement = by_action(synthesis)["iam:PassRole"]
    roles = [definition["TaskRoleArn"], definition["ExecutionRoleArn"]]
    assert sorted(map(str, statement["Resource"])) == sorted(map(str, roles))
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_nothing_else_may_pass_roles(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    passing = [
        policy
        for policy in synthesis.resources(SERVICE, "AWS::IAM::Policy").values()
        if "iam:PassRole" in str(policy)
    ]
    assert len(passing) == 1


def test_the_rollout_updates_this_service_only() -> None:
    service = synthesise().only(SERVICE, "AWS::ECS::Service")
    statement = by_action(synthesise())["ecs:UpdateService"]
    core = synthesise().only("CoreInfraStack", "AWS::ECS::Cluster")
    path = f"{core['ClusterName']}/{service['ServiceName']}"
    assert statement["Resource"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{path}"
    assert by_action(synthesise())["ecs:DescribeServices"] is statement


def test_what_the_rollout_registers_it_tags_in_this_family_only() -> None:
    definition = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")
    assert by_action(synthesise())["ecs:TagResource"]["Resource"] == FAMILY
    assert FAMILY.endswith(f"/{definition['Family']}:*")


def test_the_rollout_may_register_whatever_aws_authorises_the_call_on() -> None:
    """Narrowed to the family it may be refused, and with it every delivery."""
    assert by_action(synthesise())["ecs:RegisterTaskDefinition"]["Resource"] == "*"


def test_the_rollout_tags_only_what_it_registers() -> None:
    assert by_action(synthesise())["ecs:TagResource"]["Condition"] == {
        "StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}
    }


def test_the_rollout_sees_tasks_of_this_cluster_only() -> None:
    statements = by_action(synthesise(**EXISTING))
    cluster = "ecs-blueprint-infra"
    assert statements["ecs:DescribeTasks"]["Resource"].endswith(f":task/{cluster}/*")
    assert statements["ecs:ListTasks"]["Condition"]["ArnEquals"]["ecs:cluster"].endswith(
        f":cluster/{cluster}"
    )


def test_the_rollout_may_do_nothing_else() -> None:
    assert {action for action in by_action(synthesise()) if not action.startswith("s3:")} == {
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListTasks",
        "ecs:RegisterTaskDefinition",
        "ecs:TagResource",
        "ecs:UpdateService",
        "iam:PassRole",
    }


def test_the_rollout_reads_artifacts_and_writes_none() -> None:
    assert {action for action in by_action(synthesise()) if action.startswith("s3:")} == {
        "s3:GetBucket*",
        "s3:GetObject*",
        "s3:List*",
    }


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_codebuild_reads_each_command_as_one_string(topology: str) -> None:
    """A Commands action puts them into a buildspec, which is YAML, as they are."""
    stages = synthesise(**TOPOLOGIES[topology]).only(SERVICE, "AWS::CodePipeline::Pipeline")[
        "Stages"
    ]
    commands = [c for s in stages for action in s["Actions"] for c in action.get("Commands", [])]
    assert commands
    for command in commands:
        assert yaml.safe_load(f"commands:\n  - {command}\n") == {"commands": [command]}


def promote_action() -> dict[str, Any]:
    stages = synthesise().only(SERVICE, "AWS::CodePipeline::Pipeline")["Stages"]
    return dict(stages[-1]["Actions"][-1])


def test_the_action_promotes_what_the_service_has_completed_a_rollout_of() -> None:
    assert promote_action()["Commands"] == [
        await_rollout_command("imagedefinitions.json", "ecs-blueprint-infra", "ecsdemo-backend"),
        promote_command("imagedefinitions.json", "ecsdemo-backend"),
    ]


def test_the_promotion_may_read_and_tag_images_of_this_repository_only() -> None:
    (repository,) = synthesise().resources(SERVICE, "AWS::ECR::Repository")
    statements = synthesise().granted(SERVICE, promote_action()["RoleArn"])
    (on_images,) = (s for s in statements if "ecr:PutImage" in s["Action"])
    assert on_images["Action"] == ["ecr:BatchGetImage", "ecr:PutImage"]
    assert on_images["Resource"] == {"Fn::GetAtt": [repository, "Arn"]}
    (anywhere,) = (s["Action"] for s in statements if s["Resource"] == "*")
    assert anywhere == "ecs:DescribeTaskDefinition"


def test_the_promotion_looks_at_this_service_only() -> None:
    service = synthesise().only(SERVICE, "AWS::ECS::Service")
    statements = synthesise().granted(SERVICE, promote_action()["RoleArn"])
    (looking,) = (s for s in statements if s["Action"] == "ecs:DescribeServices")
    cluster = "ecs-blueprint-infra"
    assert looking["Resource"].endswith(f":service/{cluster}/{service['ServiceName']}")


@pytest.fixture(params=["sh", "bash"])
def shell(request: pytest.FixtureRequest) -> str:
    """Name a shell that CodePipeline may run commands with."""
    return str(request.param)


# Each call about the service takes the next line of `states`, and the last one again and again.
AWS_OF_ECS = """#!/bin/sh
echo "$*" >> calls
case "$*" in
  *describe-services\\ --cluster\\ shop\\ --services\\ web\\ *PRIMARY*rolloutState,taskDefinition*)
    state=$(head -n 1 states)
    test "$(wc -l < states)" = 1 || sed -i 1d states
    test "$state" != throttled || exit 254
    printf '%s\\tarn:of:the-revision\\n' "$state";;
  *describe-task-definition*arn:of:the-revision*) printf '%s\\n' "$IMAGES"; exit "$STATUS";;
  *) echo "unexpected: $*" >&2; exit 64;;
esac
"""


def wait(
    folder: Path, shell: str, *states: str, images: str = IMAGE, status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the command while ECS goes through ``states``; pauses take no time."""
    for name, text in (("aws", AWS_OF_ECS), ("sleep", "#!/bin/sh\necho slept >> calls\n")):
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    definitions = f'[{{"name":"web","imageUri":"{IMAGE}"}}]\n'
    (folder / "images.json").write_text(definitions, encoding="utf-8")
    (folder / "states").write_text("".join(f"{state}\n" for state in states), encoding="utf-8")
    return subprocess.run(
        [shell, "-c", await_rollout_command("images.json", "shop", "web")],
        cwd=folder,
        env={
            "PATH": f"{folder}{os.pathsep}{os.defpath}",
            "IMAGES": images,
            "STATUS": str(status),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_completed_rollout_of_the_image_is_what_promotion_waits_for(
    tmp_path: Path, shell: str
) -> None:
    done = wait(tmp_path, shell, "COMPLETED")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "rolled-out").exists()


def test_promotion_waits_while_ecs_watches_the_alarms(tmp_path: Path, shell: str) -> None:
    done = wait(tmp_path, shell, "IN_PROGRESS", "IN_PROGRESS", "COMPLETED")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls").read_text("utf-8").splitlines().count("slept") == 2


def test_another_container_beside_it_does_no_harm(tmp_path: Path, shell: str) -> None:
    assert wait(tmp_path, shell, "COMPLETED", images=f"{SIDECAR}\t{IMAGE}").returncode == 0


@pytest.mark.parametrize("images", [OLD_IMAGE, f"{IMAGE}1", f"x{IMAGE}", SIDECAR, ""])
def test_a_rollback_fails_the_delivery(tmp_path: Path, shell: str, images: str) -> None:
    done = wait(tmp_path, shell, "IN_PROGRESS", "COMPLETED", images=images)
    assert done.returncode != 0
    assert f"not {IMAGE}" in done.stdout
    assert not (tmp_path / "rolled-out").exists()


def test_a_failed_rollout_fails_the_delivery(tmp_path: Path, shell: str) -> None:
    done = wait(tmp_path, shell, "IN_PROGRESS", "FAILED")
    assert done.returncode != 0
    assert "the rollout is FAILED" in done.stdout


def test_a_call_that_fails_is_repeated(tmp_path: Path, shell: str) -> None:
    done = wait(tmp_path, shell, "IN_PROGRESS", "throttled", "COMPLETED")
    assert done.returncode == 0, done.stderr


def test_images_that_are_not_told_fail_the_delivery(tmp_path: Path, shell: str) -> None:
    assert wait(tmp_path, shell, "COMPLETED", status=254).returncode != 0


@pytest.mark.parametrize(
    ("state", "said"), [("IN_PROGRESS", "IN_PROGRESS"), ("throttled", "unknown")]
)
def test_a_rollout_without_an_end_fails_the_delivery(
    tmp_path: Path, shell: str, state: str, said: str
) -> None:
    done = wait(tmp_path, shell, state)
    assert done.returncode != 0
    assert f"the rollout is {said}" in done.stdout


def test_the_marker_of_an_earlier_run_does_not_count(tmp_path: Path, shell: str) -> None:
    (tmp_path / "rolled-out").touch()
    assert wait(tmp_path, shell, "FAILED").returncode != 0
    assert not (tmp_path / "rolled-out").exists()


@pytest.mark.parametrize("length", [10, 50])
def test_the_await_command_is_one_that_codepipeline_takes(length: int) -> None:
    """Cluster and service have at most 100 characters together: the settings see to that."""
    command = await_rollout_command("imagedefinitions.json", "c" * length, "s" * length)
    assert "\n" not in command
    assert len(command) <= 1000


AWS_OF_ECR = """#!/bin/sh
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
    (tools / "aws").write_text(AWS_OF_ECR, encoding="utf-8")
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


def test_without_the_marker_of_the_first_command_nothing_is_promoted(
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
def test_the_promote_command_is_one_that_codepipeline_takes(length: int) -> None:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html."""
    command = promote_command("imagedefinitions.json", "x" * length)
    assert "\n" not in command
    assert len(command) <= 1000
