"""The diagram in docs/, and its small form, say what the templates say."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.diagram.__main__ import OVERVIEW, SVG
from tools.diagram.drawing import svg
from tools.diagram.extraction import extract
from tools.diagram.model import Model
from tools.diagram.overview import overview_svg
from tools.example_templates import example_templates

REMEDY = "a picture in docs/ is not what the templates say: run `make diagram` and commit"


def test_the_diagram_says_what_the_templates_say() -> None:
    metadata = ET.parse(SVG).find("{*}metadata")  # noqa: S314 - our own file
    assert metadata is not None
    drawn = json.loads(metadata.text or "")
    differences = list(_differences("", drawn, extract(example_templates()).as_json()))
    assert not differences, "\n".join([REMEDY, *differences])


@pytest.mark.parametrize(("file", "draw"), [(SVG, svg), (OVERVIEW, overview_svg)])
def test_a_picture_is_drawn_as_the_code_draws_it(file: Path, draw: Callable[[Model], str]) -> None:
    assert file.read_text(encoding="utf-8") == draw(extract(example_templates())), REMEDY


def _differences(path: str, drawn: Any, said: Any) -> Iterator[str]:
    """Tell in one line each what differs, and where."""
    if isinstance(drawn, list) and isinstance(said, list):
        drawn, said = _by_name(drawn), _by_name(said)
    if isinstance(drawn, dict) and isinstance(said, dict):
        for key in sorted(drawn.keys() | said.keys(), key=str):
            yield from _differences(f"{path}/{key}", drawn.get(key), said.get(key))
    elif drawn != said:
        yield f"  {path}: drawn {drawn!r}, the templates say {said!r}"


def _by_name(items: list[Any]) -> dict[str, Any]:
    def name(number: int, item: Any) -> str:
        match item:
            case {"name": str(title)}:
                return title
            case {"source": str(source), "target": str(target)}:
                return f"{source} -> {target}"
            case _:
                return str(number)

    return {name(number, item): item for number, item in enumerate(items)}
