"""The doctor about what a build pulls and about health checks. No AWS is asked."""

from pathlib import Path

import pytest

from settings.examples import example_deployment
from tools.doctor.aws import Aws
from tools.doctor.check import Context, Result, Verdict
from tools.doctor.image import BaseImages, ExportedImage, HealthCheck
from tools.init.tests.conftest import git

OF_ORDERS = {
    "repository_owner": "acme",
    "repository_name": "orders",
    "folder_path": ".",
    "buildspec_path": "",
}


def context(**changes: str) -> Context:
    (settings,) = example_deployment(changes)
    return Context(settings, Aws("eu-west-1"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", "git@github.com:Acme/orders.git")
    return tmp_path


def examined(source: Path, dockerfile: str, **changes: str) -> Result:
    (source / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message", "x")
    return BaseImages(source).examine(context(**(OF_ORDERS | changes)))


def test_an_image_of_docker_hub_is_named_with_its_twin(source: Path) -> None:
    result = examined(
        source, "FROM node:22 AS build\nFROM grafana/grafana:12\nCOPY --from=build a b"
    )
    assert result.verdict is Verdict.NOTE
    assert "Docker Hub limits anonymous pulls" in result.line
    assert "node:22: public.ecr.aws/docker/library/node:22" in result.line
    assert "grafana/grafana:12: a copy in a registry" in result.line


def test_images_of_other_registries_are_fine(source: Path) -> None:
    result = examined(source, "FROM public.ecr.aws/docker/library/node:22\n")
    assert (result.verdict, result.line) == (Verdict.OK, "none from Docker Hub")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repository_name": "billing"}, "is Acme/orders, not acme/billing"),
        ({"dockerfile_path": "docker/Dockerfile"}, "docker/Dockerfile is not in commit"),
    ],
)
def test_what_cannot_be_told_is_not_checked(
    source: Path, changes: dict[str, str], said: str
) -> None:
    result = examined(source, "FROM node:22\n", **changes)
    assert result.verdict is Verdict.NOT_CHECKED
    assert said in result.line


def test_the_sample_is_here_and_a_service_of_ones_own_is_elsewhere() -> None:
    assert BaseImages(None).examine(context()).verdict is Verdict.OK
    elsewhere = BaseImages(None).examine(context(**OF_ORDERS))
    assert elsewhere.verdict is Verdict.NOT_CHECKED
    assert "acme/orders is not here -> add --source" in elsewhere.line


EXPORTS = "version: 0.2\nenv:\n  exported-variables:\n    - IMAGE\n"


def exported(source: Path, buildspec: str) -> Result:
    (source / "buildspec.yml").write_text(buildspec, encoding="utf-8")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message", "x")
    examining = ExportedImage(source, "buildspec.yml")
    return examining.examine(context(**OF_ORDERS | {"buildspec_path": "buildspec.yml"}))


def test_a_buildspec_that_exports_the_image_is_fine(source: Path) -> None:
    assert exported(source, EXPORTS).verdict is Verdict.OK


@pytest.mark.parametrize(
    "buildspec",
    ["version: 0.2\n", "version: 0.2\nenv: {}\n", EXPORTS.replace("IMAGE", "TAG"), "- a list", ""],
)
def test_who_has_a_buildspec_that_exports_nothing_is_told_what_to_add(
    source: Path, buildspec: str
) -> None:
    result = exported(source, buildspec)
    assert result.verdict is Verdict.PROBLEM
    assert "add `exported-variables: [IMAGE]` to its env" in result.to_do
    assert "${REPO_URL}:<tag>@sha256:<digest>" in result.to_do


def test_a_buildspec_that_is_none_or_elsewhere_is_called_so(source: Path) -> None:
    assert exported(source, "a: b: c").verdict is Verdict.PROBLEM
    assert ExportedImage(source, "x.yml").examine(context(**OF_ORDERS)).verdict is (
        Verdict.NOT_CHECKED
    )
    elsewhere = ExportedImage(None, "buildspec.yml").examine(context(**OF_ORDERS))
    assert "acme/orders is not here" in elsewhere.line


def test_the_sample_exports_its_image() -> None:
    settings = context().settings
    path = str(settings.delivery.buildspec_path)
    assert ExportedImage(None, path).examine(context()).verdict is Verdict.OK


def test_what_follows_of_no_health_check_is_said() -> None:
    assert HealthCheck().examine(context()).verdict is Verdict.OK
    without = HealthCheck().examine(context(health_check_command=""))
    assert without.verdict is Verdict.NOTE
    assert "a version that never answers is delivered" in without.line
