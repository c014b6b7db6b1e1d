"""What the promote action does before it promotes, run against an ``aws`` that tells a story."""

import os
import subprocess
from pathlib import Path

import pytest

from backend_service.promotion_commands import await_rollout_command

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:0a1b2c3d-7"
OLD = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:0a1b2c3d-6"
SIDECAR = "public.ecr.aws/xray/aws-xray-daemon:3.x"

# Each look at the service takes the next line of `states`, and the last one again and again.
AWS = """#!/bin/sh
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
    for name, text in (("aws", AWS), ("sleep", "#!/bin/sh\necho slept >> calls\n")):
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


def test_a_completed_rollout_of_the_image_is_what_it_wants(tmp_path: Path, shell: str) -> None:
    done = wait(tmp_path, shell, "COMPLETED")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "rolled-out").exists()


def test_it_waits_while_ecs_watches_the_alarms(tmp_path: Path, shell: str) -> None:
    done = wait(tmp_path, shell, "IN_PROGRESS", "IN_PROGRESS", "COMPLETED")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls").read_text("utf-8").splitlines().count("slept") == 2


def test_another_container_beside_it_does_no_harm(tmp_path: Path, shell: str) -> None:
    assert wait(tmp_path, shell, "COMPLETED", images=f"{SIDECAR}\t{IMAGE}").returncode == 0


@pytest.mark.parametrize("images", [OLD, f"{IMAGE}1", f"x{IMAGE}", SIDECAR, ""])
def test_a_rollback_fails_the_delivery(tmp_path: Path, shell: str, images: str) -> None:
    done = wait(tmp_path, shell, "IN_PROGRESS", "COMPLETED", images=images)
    assert done.returncode != 0
    assert f"not {IMAGE}" in done.stdout
    assert not (tmp_path / "rolled-out").exists()


def test_a_failed_rollout_fails_the_delivery(tmp_path: Path, shell: str) -> None:
    done = wait(tmp_path, shell, "IN_PROGRESS", "FAILED")
    assert done.returncode != 0
    assert "the rollout is FAILED" in done.stdout


def test_a_look_that_fails_is_repeated(tmp_path: Path, shell: str) -> None:
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


def test_the_mark_of_an_earlier_run_does_not_count(tmp_path: Path, shell: str) -> None:
    (tmp_path / "rolled-out").touch()
    assert wait(tmp_path, shell, "FAILED").returncode != 0
    assert not (tmp_path / "rolled-out").exists()


@pytest.mark.parametrize("length", [10, 50])
def test_the_command_is_one_that_codepipeline_takes(length: int) -> None:
    """Cluster and service have at most 100 characters together: the settings see to that."""
    command = await_rollout_command("imagedefinitions.json", "c" * length, "s" * length)
    assert "\n" not in command
    assert len(command) <= 1000
