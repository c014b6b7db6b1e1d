"""Everything of the model can be read in the diagram, and nothing covers anything else."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from settings.examples import TOPOLOGIES, example_deployment
from tools.diagram import overview
from tools.diagram.drawing import paint, svg
from tools.diagram.extraction import extract
from tools.diagram.model import Flow, Model
from tools.diagram.overview import overview_svg, paint_overview
from tools.diagram.svg import ICONS, width, wrapped
from tools.example_templates import example_templates
from tools.tests.picture import Picture

LONG = {
    "service_name": "customerorderconfirmationandnotificationservice",
    "container_name": "orders",
    "repository_name": "customer-order-confirmation-and-notification-service",
    "repository_branch": "feature/larger-orders-of-customers",
    "namespaces": "internalcustomerservices",
    "stack_prefix": "CustomerServicesOfTheShop",
    "max_count": "1000",
    "task_cpu": "4096",
    "task_memory": "16384",
}


@pytest.fixture(params=[*TOPOLOGIES.values(), LONG], ids=[*TOPOLOGIES, "long"])
def model(request: pytest.FixtureRequest) -> Model:
    (settings,) = example_deployment(request.param)
    return extract(example_templates(**request.param), settings.existing_platform)


@pytest.fixture(params=[svg, overview_svg])
def picture(request: pytest.FixtureRequest, model: Model) -> str:
    return str(request.param(model))


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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_can_be_read(picture: str, dark: bool) -> None:
    assert list(Picture(picture, dark=dark).complaints()) == []


def test_the_diagram_is_well_formed_and_carries_its_model(model: Model) -> None:
    text = svg(model)
    metadata = ET.fromstring(text).find("{*}metadata")  # noqa: S314 - written a line above
    assert metadata is not None
    assert json.loads(metadata.text or "") == model.as_json()
    assert svg(model) == text


def test_the_small_picture_says_how_it_is_called_and_what_a_commit_goes_through(
    model: Model,
) -> None:
    canvas, _ = paint_overview(model)
    texts = [text for text, _ in canvas.text_boxes]
    seen = _readable("".join(texts))
    addresses = [f"http://{address}" for address in model.nodes["caller"].details]
    assert all(_readable(address) in seen for address in addresses)
    steps = [node.title for node in (model.nodes["commit"], *model.actions()[1:])]
    assert [text for text in texts if text in steps] == steps
    labels = {edge.label for edge in model.edges if edge.flow is not Flow.USE}
    assert labels - set(texts) == {"", "asks", "pushes", "copies"}


def test_the_small_picture_is_for_a_narrow_screen(model: Model) -> None:
    canvas, height = paint_overview(model)
    phone = 328 / 360  # of what GitHub leaves of 360 pixels
    assert overview.WIDTH * phone < 330
    assert height < 2 * overview.WIDTH
    assert min(box.h / 0.96 for _, box in canvas.text_boxes) * phone > 11


def test_no_icon_lies_about_unused() -> None:
    drawn: set[str] = set()
    for changes in TOPOLOGIES.values():
        (settings,) = example_deployment(changes)
        model = extract(example_templates(**changes), settings.existing_platform)
        drawn |= paint(model)[0].icons | paint_overview(model)[0].icons
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


def test_a_word_that_fits_nowhere_is_broken_anywhere() -> None:
    lines = wrapped("orders in customerorders", 13, 60)
    assert "".join(lines) == "orders incustomerorders"
    assert all(width(line, 13) <= 60 for line in lines)


def test_a_text_that_fits_stays_in_one_line() -> None:
    assert wrapped("a good rollout", 13, 200) == ["a good rollout"]
