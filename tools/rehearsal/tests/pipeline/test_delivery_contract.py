"""The commands of both buildspecs agree with the templates: the sample's, the blueprint's own."""

from pathlib import Path

import pytest

from settings.examples import EXISTING
from tools.example_templates import example_templates
from tools.rehearsal.tests.pipeline.contract import tagged_image_of, violations
from tools.rehearsal.tests.pipeline.recorded_build import COMMIT, record_build
from tools.rehearsal.tests.pipeline.sides import sides_of

OTHER_NAMES = {
    "stack_prefix": "shop",
    "service_name": "orders",
    "container_name": "web",
    "container_port": "8080",
    "seed_image": "public.ecr.aws/shop/orders:1",
    "ecr_repository_name": "shop/orders",
}


OWN = {"buildspec_path": ""}


@pytest.mark.parametrize(
    "settings",
    [{}, EXISTING, OTHER_NAMES, OWN, OWN | OTHER_NAMES],
    ids=["sample", "existing core", "other names", "own", "own, other names"],
)
def test_the_build_delivers_what_pipeline_and_task_definition_expect(
    settings: dict[str, str], tmp_path: Path
) -> None:
    sides = sides_of(example_templates(**settings))
    assert violations(sides, record_build(sides, tmp_path)) == []


@pytest.mark.parametrize("settings", [{}, OWN], ids=["sample", "own"])
def test_the_same_commit_built_again_gets_another_tag(
    settings: dict[str, str], tmp_path: Path
) -> None:
    sides = sides_of(example_templates(**settings))
    tags = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        build = record_build(sides, folder, number=number)
        tags.append(tagged_image_of(build).partition(":")[2])
        assert violations(sides, build) == []
    assert tags == [f"{COMMIT}-1", f"{COMMIT}-2"]
