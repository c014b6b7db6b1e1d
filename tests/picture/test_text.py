"""Texts are measured with the font that the picture carries."""

import pytest

from picture.text import width, wrapped


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
