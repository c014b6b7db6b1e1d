"""Everything of the model can be read in the diagram, and nothing covers anything else."""

import json
import re
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from settings.examples import TOPOLOGIES
from tools.diagram.drawing import WIDTH, paint, svg
from tools.diagram.extraction import extract
from tools.diagram.model import Model
from tools.diagram.svg import ICONS, Box, width, wrapped
from tools.example_templates import example_templates

TOUCHING = 0.5


@pytest.fixture(params=[name for name in TOPOLOGIES if name != "existing"])
def model(request: pytest.FixtureRequest) -> Model:
    return extract(example_templates(**TOPOLOGIES[request.param]))


def _readable(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_every_node_zone_and_label_can_be_read(model: Model) -> None:
    canvas, _ = paint(model)
    # A text that is wrapped comes in several lines, one after the other.
    seen = _readable("".join(text for text, _ in canvas.text_boxes))
    wanted = list(model.stacks.values())
    wanted += [text for node in model.nodes.values() for text in (node.title, *node.details)]
    wanted += [text for zone in model.zones for text in (zone.title, zone.public, zone.private)]
    wanted += [edge.label for edge in model.edges]
    assert [text for text in wanted if _readable(text) not in seen] == []


def test_as_many_tasks_are_drawn_as_always_run(model: Model) -> None:
    canvas, _ = paint(model)
    drawn = sum(text == "task" for text, _ in canvas.text_boxes)
    assert drawn == sum(zone.tasks for zone in model.zones) == 3


def test_the_steps_are_numbered(model: Model) -> None:
    canvas, _ = paint(model)
    numbers = [text for text, _ in canvas.text_boxes if text.isdigit()]
    assert numbers == [str(step) for step in range(1, len(model.actions()) + 2)]


def test_no_text_covers_another_or_leaves_the_diagram(model: Model) -> None:
    canvas, height = paint(model)
    page = Box(8, 8, WIDTH - 16, height - 16)
    outside = [text for text, box in canvas.text_boxes if not _inside(box, page)]
    covered = [
        (first, second)
        for (first, one), (second, other) in combinations(canvas.text_boxes, 2)
        if _overlap(one, other)
    ]
    assert (outside, covered) == ([], [])


def test_no_text_is_cut_by_the_outline_of_a_card(model: Model) -> None:
    canvas, _ = paint(model)
    cut = [
        text
        for text, box in canvas.text_boxes
        for card in canvas.cards
        if _overlap(box, card) and not _inside(box, card)
    ]
    assert [text for text in cut if not text.isdigit()] == []


def test_the_diagram_is_well_formed_and_carries_its_model(model: Model) -> None:
    text = svg(model)
    metadata = ET.fromstring(text).find("{*}metadata")  # noqa: S314 - written a line above
    assert metadata is not None
    assert json.loads(metadata.text or "") == model.as_json()
    assert svg(model) == text


def test_the_diagram_loads_nothing(model: Model) -> None:
    text = svg(model)
    assert set(re.findall(r'(?:href="|url\()([^#"]\w*:)', text)) == {"data:"}
    assert "<script" not in text


def test_it_follows_light_and_dark_surroundings(model: Model) -> None:
    assert svg(model).count("@media (prefers-color-scheme: dark)") == 1


def test_no_icon_lies_about_unused() -> None:
    drawn: set[str] = set()
    for name in TOPOLOGIES.keys() - {"existing"}:
        drawn |= paint(extract(example_templates(**TOPOLOGIES[name])))[0].icons
    assert {path.stem for path in ICONS.glob("*.svg")} == drawn


@pytest.mark.parametrize(
    ("text", "bold", "ems"),
    [(" ", False, 0.28125), ("A", False, 0.68994140625), ("A", True, 0.7275390625)],
)
def test_widths_are_those_of_inter(text: str, bold: bool, ems: float) -> None:
    assert width(text, 100, bold=bold) == pytest.approx(100 * ems, abs=0.2)


def test_a_character_that_the_font_lacks_is_refused() -> None:
    with pytest.raises(KeyError):
        width("漢", 13)


def test_lines_break_after_spaces_and_dots_before_dashes() -> None:
    assert wrapped("default.ecs-blueprint-infra.local", 13, 166) == [
        "default.",
        "ecs-blueprint-infra.local",
    ]
    assert wrapped("ecs-backend-service-blueprint", 13, 128) == [
        "ecs-backend-",
        "service-blueprint",
    ]


def test_a_text_that_fits_stays_in_one_line() -> None:
    assert wrapped("a good rollout", 13, 200) == ["a good rollout"]


def _overlap(one: Box, other: Box) -> bool:
    across = min(one.right, other.right) - max(one.x, other.x)
    down = min(one.bottom, other.bottom) - max(one.y, other.y)
    return across > TOUCHING and down > TOUCHING


def _inside(box: Box, around: Box) -> bool:
    return (
        box.x >= around.x
        and box.right <= around.right
        and box.y >= around.y
        and box.bottom <= around.bottom
    )
