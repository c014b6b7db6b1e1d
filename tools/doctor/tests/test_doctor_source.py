"""What the doctor says about the repository of the service and about its health check."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from settings import Settings
from settings.examples import ACCOUNT, REGION, example_deployment
from tools.doctor.aws import Aws
from tools.doctor.check import Result, Verdict
from tools.doctor.source import dockerfile, health_check, images
from tools.init.proposal import FIRST_IMAGE
from tools.init.tests.conftest import make_repository
from tools.repository import ROOT

ORDERS = {
    "repository_owner": "Acme",
    "repository_name": "orders",
    "folder_path": ".",
    "buildspec_path": "",
}


def settings_of(changes: Mapping[str, str]) -> Settings:
    (settings,) = example_deployment(changes)
    return settings


def said(source: Path | None, **changes: str) -> Result:
    return dockerfile(source, settings_of(changes), Aws(REGION))


@pytest.mark.parametrize(
    ("dockerfile", "changes", "verdict", "line"),
    [
        ("FROM public.ecr.aws/docker/library/node:22", {}, Verdict.OK, "nothing from Docker Hub"),
        ("FROM node:22 AS a\nFROM a\nCOPY --from=gcr.io/b c d", {}, Verdict.NOTE, "node:22: from"),
        ("FROM docker.io/grafana/grafana", {}, Verdict.NOTE, "limits anonymous pulls"),
        ("FROM a", {"repository_name": "billing"}, Verdict.PROBLEM, "is acme/orders, not Acme/bil"),
        ("FROM a", {"dockerfile_path": "b"}, Verdict.PROBLEM, "commit it, or correct folder_path"),
        ("RUN a", {}, Verdict.NOT_CHECKED, "the Dockerfile has no FROM"),
    ],
)
def test_a_dockerfile(
    tmp_path: Path, dockerfile: str, changes: dict[str, str], verdict: Verdict, line: str
) -> None:
    result = said(make_repository(tmp_path, dockerfile), **ORDERS | changes)
    assert result.verdict is verdict
    assert line in result.line


def test_the_sample_is_fine_and_a_source_that_is_unknown_is_not_looked_at() -> None:
    assert said(ROOT).verdict is Verdict.OK
    result = said(None)
    assert result.verdict is Verdict.NOT_CHECKED
    assert "add SOURCE=" in result.line


class _WithoutStacks(Aws):
    """An account in which nothing is deployed."""

    def stack_resources(self, stack: str) -> dict[str, frozenset[str]]:
        assert stack
        return {}


@pytest.mark.parametrize(
    ("changes", "verdict", "found"),
    [
        ({}, Verdict.OK, "the first image passes it"),
        ({"health_check_command": ""}, Verdict.NOTE, "delivers a version that never answers"),
        (
            {"seed_image": FIRST_IMAGE, "container_port": "8080"},
            Verdict.PROBLEM,
            "cannot pass it: the first deploy would fail",
        ),
        ({"seed_image": "public.ecr.aws/acme/orders:1"}, Verdict.NOTE, "has to pass it too"),
    ],
)
def test_the_health_check_and_the_first_image(
    changes: dict[str, str], verdict: Verdict, found: str
) -> None:
    result = health_check(settings_of(changes), _WithoutStacks(REGION))
    assert result.verdict is verdict
    assert found in result.found


@pytest.mark.parametrize(
    ("place", "verdict", "line"),
    [
        (f"{REGION}:{ACCOUNT}:repository/ecsdemo-backend/builds", "OK", "comes with"),
        (f"{REGION}:210987654321:repository/shop", "NOT_CHECKED", f"must admit {ACCOUNT}"),
        (f"eu-north-1:{ACCOUNT}:repository/shop", "NOT_CHECKED", "eu-north-1 -> look whether"),
    ],
)
def test_the_repository_of_images_that_are_delivered(place: str, verdict: str, line: str) -> None:
    arn = f"arn:aws:ecr:{place}"
    settings = settings_of({"repository_owner": "", "image_source_repository_arn": arn})
    result = images(arn, settings, _WithoutStacks(REGION))
    assert result.verdict is Verdict[verdict]
    assert line in result.line
