"""The picture in docs/ says what the templates say."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from picture.drawing import model_of, svg
from picture.extraction import extract
from picture.png import source_of
from rehearsal.sample_settings import ROOT
from tests.synthesis import synthesise

SVG = ROOT / "docs" / "architecture.svg"
PNG = ROOT / "docs" / "architecture.png"
REMEDY = "docs/architecture.svg is not what the templates say: run `make diagram` and commit"


def test_the_picture_says_what_the_templates_say() -> None:
    drawn = model_of(SVG.read_text(encoding="utf-8"))
    differences = list(_differences("", drawn, extract(synthesise().templates).as_json()))
    assert not differences, "\n".join([REMEDY, *differences])


def test_the_picture_is_drawn_as_the_code_draws_it() -> None:
    assert SVG.read_text(encoding="utf-8") == svg(extract(synthesise().templates)), REMEDY


def test_the_png_was_made_from_the_svg() -> None:
    assert source_of(PNG.read_bytes()) == sha256(SVG.read_bytes()).hexdigest(), REMEDY


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
