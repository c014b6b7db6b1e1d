"""docs/deploy-time.md and its picture say what the templates say."""

from collections.abc import Mapping

from documents.generated_part import DOCS, GeneratedPart

from deploy_time.__main__ import CONFIGURATIONS
from deploy_time.chart import chart
from deploy_time.report import critical_paths, durations, ways
from deploy_time.schedule import Schedule, schedule
from tests.synthesis import synthesise

REMEDY = "docs/deploy-time.* is not what the templates say: run `make deploy-time` and commit"


def schedules(changes: Mapping[str, str]) -> dict[str, Schedule]:
    return {stack: schedule(t) for stack, t in synthesise(**changes).templates.items()}


def part(name: str) -> str:
    return GeneratedPart("deploy-time.md", name).read()


def test_the_critical_paths() -> None:
    assert part("critical paths") == critical_paths(schedules({})), REMEDY


def test_the_configurations() -> None:
    compared = {name: schedules(changes) for name, changes in CONFIGURATIONS.items()}
    assert part("ways") == ways(compared), REMEDY


def test_the_durations() -> None:
    assert part("durations") == durations(), REMEDY


def test_the_picture() -> None:
    assert (DOCS / "deploy-time.svg").read_text("utf-8") == chart(schedules({})), REMEDY
