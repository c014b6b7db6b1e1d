"""Every picture of the project can be read, on a light page and on a dark one."""

import re
from pathlib import Path

import pytest

from tools.repository import ROOT
from tools.tests.picture import Picture

PICTURES = sorted((ROOT / "docs").rglob("*.svg"))
SQUARE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 40" font-size="10"><style>'
    "text{{fill:#000000}}.page{{fill:#ffffff}}.line{{stroke:#888888;fill:none}}"
    "@media (prefers-color-scheme: dark){{text{{fill:#ffffff}}.page{{fill:#000000}}}}"
    '</style><rect width="100" height="40" class="page"/>{}</svg>'
)
WORD = '<text x="10" y="20">word</text>'


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("file", PICTURES, ids=lambda file: file.name)
def test_every_text_of_a_picture_can_be_read(file: Path, dark: bool) -> None:
    picture = Picture(file.read_text(encoding="utf-8"), dark=dark)
    assert any(shape.text for shape in picture.shapes)
    assert list(picture.complaints()) == []


@pytest.mark.parametrize("file", PICTURES, ids=lambda file: file.name)
def test_a_picture_loads_and_runs_nothing_and_differs_in_the_dark(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    light, dark = (Picture(text, dark=mode).shapes[0].fill for mode in (False, True))
    assert light != dark
    assert set(re.findall(r'(?:href="|url\()([^#"]\w*:)', text)) <= {"data:"}
    assert not re.search(r"<script|<foreignObject|@import|\son\w+=", text)


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_readable_is_not_complained_about(dark: bool) -> None:
    assert list(Picture(SQUARE.format(WORD), dark=dark).complaints()) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (f'{WORD}<text x="14" y="22">other</text>', "'word' and 'other' overlap"),
        ('<text x="80" y="20">words</text>', "'words' leaves the picture"),
        (f'{WORD}<line x1="0" x2="90" y1="17" y2="17" class="line"/>', "something runs through"),
        (f'{WORD}<path d="M20 0L20 40" class="line"/>', "something runs through 'word'"),
        (f'<rect x="15" y="0" width="50" height="30" class="line"/>{WORD}', "something runs"),
        (f'{WORD}<rect width="100" height="40" class="page"/>', "something runs through 'word'"),
        ('<rect width="90" height="40" fill="#777777"/>' + WORD, "a contrast of 4.4"),
    ],
)
def test_what_is_not_readable_is_complained_about(content: str, complaint: str) -> None:
    found = list(Picture(SQUARE.format(content), dark=True).complaints())
    assert complaint in "\n".join(found)


def test_a_text_without_a_background_of_its_own_is_complained_about() -> None:
    bare = re.sub(r"<rect .*?/>", "", SQUARE.format(WORD))
    assert list(Picture(bare, dark=False).complaints()) == ["'word' has no background of its own"]
