"""The rehearsal of a service of somebody else, where there is no container engine."""

from pathlib import Path

import pytest

from settings.examples import CONNECTED, EXISTING, ISOLATED, KEY, SECRET
from tools.rehearsal.pipeline.docker_command import SWITCH
from tools.rehearsal.tests.own_service.somebody import rehearse, repository

pytestmark = pytest.mark.slow

DOCKERFILE = "FROM python:3.13-slim\nCOPY . /srv\nCMD python /srv/app.py\n"
ANY = {"folder_path": "server", "buildspec_path": "", "service_name": "orders"}
NAMED_ELSEWHERE = {
    "deploy_core_stack": "False",
    **{key: EXISTING[key] for key in EXISTING if key.startswith(("namespace", "ecs_", "vpc"))},
    **{key: ISOLATED[key] for key in ISOLATED if key.startswith("container_")},
    "build_secrets": f"NPM_TOKEN={SECRET}:npm::",
    "task_role_policy_arns": "arn:aws:iam::123456789012:policy/shop/orders,"
    "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
    **{key: CONNECTED[key] for key in ("connection_arn", "manual_approval", "notification_email")},
}


def test_what_the_settings_name_is_made_up_and_what_is_not_shown_is_said(tmp_path: Path) -> None:
    source = repository(tmp_path / "orders", {"server/Dockerfile": DOCKERFILE})
    done = rehearse(tmp_path, source, ANY | NAMED_ELSEWHERE, **{SWITCH: "stand-in"})
    assert done.returncode == 0, done.stdout + done.stderr
    for made in ("secret shop/db", "parameter /shop/key", "a key of KMS", "policy orders", "VPC"):
        assert made in done.stdout
    last = done.stdout.partition("left nothing behind.")[2].splitlines()
    assert any(line.startswith("Not shown: your image: REHEARSAL_DOCKER") for line in last)
    assert any("that your Dockerfile builds" in line for line in last)
    # Names stay, and what AWS chooses is another one here.
    assert KEY not in done.stdout


def test_a_commit_that_does_not_fit_the_settings_is_refused_before_the_deploy(
    tmp_path: Path,
) -> None:
    source = repository(tmp_path / "orders", {"Dockerfile": DOCKERFILE})
    done = rehearse(tmp_path, source, ANY | {"buildspec_path": "ci.yml"}, **{SWITCH: "stand-in"})
    assert done.returncode == 1
    assert "folder_path: there is no server/Dockerfile in it" in done.stderr
    assert "buildspec_path: there is no ci.yml in it" in done.stderr
    assert "cdk deploy" not in done.stdout
