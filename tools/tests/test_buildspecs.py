"""The commands of the two buildspecs: what they export, and where a failing step ends the build."""

from pathlib import Path

import pytest
import yaml

from backend_service.buildspec import own_buildspec
from cdk_rehearsal.pipelines import BuildResult, parse_buildspec, run_build
from tools.repository import ROOT

APPLICATION = "application-code/ecsdemo-backend"
SAMPLE = (ROOT / APPLICATION / "templates" / "buildspec.yml").read_text("utf-8")
OWN = str(yaml.safe_dump(own_buildspec([])))
DIGEST = f"sha256:{'5' * 64}"
ENVIRONMENT = {
    "REPO_URL": "registry/shop/builds",
    "LIVE_REPO_URL": "registry/shop",
    "LIVE_TAG": "live",
    "FOLDER_PATH": APPLICATION,
    "DOCKERFILE_PATH": f"{APPLICATION}/Dockerfile",
    "SERVICE_PORT": "3000",
    "CODEBUILD_RESOLVED_SOURCE_VERSION": "4f2a9c1",
    "CODEBUILD_BUILD_NUMBER": "7",
}
# Takes the place of `docker` and `aws`: prints what they would, and fails for one call.
COMMAND = """#!/bin/bash
call="${0##*/} $*"
[[ $call == "docker login "* ]] && cat > /dev/null
printf '%s\\n' "$call" >> "$CALLS"
[[ $call == $FAILING ]] && exit 17
[[ $call == "docker push "* ]] && echo "7: digest: $DIGEST size: 1234"
exit 0
"""


def run(
    buildspec: str, folder: Path, failing: str = "", digest: str = DIGEST
) -> tuple[BuildResult, list[str]]:
    """Run a buildspec; return the result and the calls of docker."""
    for name in ("docker", "aws"):
        (folder / name).write_text(COMMAND, "utf-8")
        (folder / name).chmod(0o755)
    calls = folder / "calls"
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "CALLS": str(calls)} | ENVIRONMENT
    environment |= {"FAILING": failing, "DIGEST": digest}
    result = run_build(parse_buildspec(buildspec), source=folder, environment=environment)
    return result, [c for c in calls.read_text("utf-8").splitlines() if c.startswith("docker")]


@pytest.mark.parametrize("buildspec", [SAMPLE, OWN], ids=["sample", "own"])
def test_it_exports_the_image_that_it_has_pushed(buildspec: str, tmp_path: Path) -> None:
    result, calls = run(buildspec, tmp_path)
    assert result.failure == ""
    assert result.exported == {"IMAGE": f"registry/shop/builds:4f2a9c1-7@{DIGEST}"}
    assert calls[0] == "docker login --username AWS --password-stdin registry"
    assert "--tag registry/shop/builds:4f2a9c1-7 " in calls[-2]
    assert "--cache-from registry/shop:live " in calls[-2]
    assert calls[-1] == "docker push registry/shop/builds:4f2a9c1-7"


@pytest.mark.parametrize(
    ("buildspec", "failing"),
    [
        # docker login itself succeeds: the failing command is the left side of a pipe.
        *((each, "aws ecr get-login-password*") for each in (SAMPLE, OWN)),
        *((each, "docker login *") for each in (SAMPLE, OWN)),
        (SAMPLE, "docker build --target test *"),
        *((each, "docker build --tag *") for each in (SAMPLE, OWN)),
        *((each, "docker push *") for each in (SAMPLE, OWN)),
    ],
)
def test_a_failing_step_ends_the_build_and_exports_nothing(
    buildspec: str, failing: str, tmp_path: Path
) -> None:
    result, calls = run(buildspec, tmp_path, failing)
    assert "exit status 17" in result.failure
    assert result.exported == {}
    assert calls[-1].startswith(("docker login", failing.rstrip("*")))


@pytest.mark.parametrize("buildspec", [SAMPLE, OWN], ids=["sample", "own"])
def test_a_push_that_prints_no_digest_ends_the_build(buildspec: str, tmp_path: Path) -> None:
    result, _ = run(buildspec, tmp_path, digest="none")
    assert "docker push has named no digest" in result.log
    assert result.exported == {}
