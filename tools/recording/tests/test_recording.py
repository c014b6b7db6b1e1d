"""What stays of a terminal, and how it is drawn; and that the recording of the README is one."""

import os
import re
from pathlib import Path

import pytest

from settings.examples import ACCOUNT
from tools.recording.__main__ import SVG, published
from tools.recording.drawing import scenes_of, svg
from tools.recording.session import COLUMNS, Line, Scene, SessionError, Terminal, record
from tools.tests.picture import Picture

ENVIRONMENT = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
LINES = (Line(0.5, '  \x1b[32m✓\x1b[0m  3.1 s  Deploy    <done> & "said"'), Line(90.0, "end"))
SCENE = Scene("make rehearse", 91.0, LINES)


def _texts(scene: Scene) -> list[str]:
    shapes = Picture(svg([scene]), dark=False).shapes
    return [shape.text for shape in shapes if shape.text]


def test_of_a_line_that_is_written_over_the_end_stays() -> None:
    terminal = Terminal()
    terminal.feed("\r  ... half\x1b[K\r\r\x1b[K", 1.0)
    terminal.feed("  \x1b[32m✓\x1b[0m whole\r\nnext", 2.0)
    assert terminal.lines == [Line(2.0, "  \x1b[32m✓\x1b[0m whole")]
    assert terminal.unfinished == "next"


def test_a_sequence_that_comes_in_two_parts_is_one() -> None:
    terminal = Terminal()
    for part in ("\x1b[3", "1mred\x1b", "[0m\r\n"):
        terminal.feed(part, 1.0)
    assert terminal.lines == [Line(1.0, "\x1b[31mred\x1b[0m")]


@pytest.mark.usefixtures("terminals")
def test_a_command_has_a_terminal_and_its_questions_are_answered(tmp_path: Path) -> None:
    command = 'test -t 1 && stty size && printf "Your name: " && read name && echo "Hello $name"'
    scene = record(command, tmp_path, ENVIRONMENT, ["Ada"])
    texts = [line.text for line in scene.lines]
    assert texts == [f"24 {COLUMNS}", "Your name: Ada", "Hello Ada"]
    assert 0 <= scene.lines[0].at <= scene.lines[-1].at


@pytest.mark.usefixtures("terminals")
def test_a_command_that_fails_is_no_recording_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match=r"exit status 3\nno engine"):
        record("echo no engine; exit 3", tmp_path, ENVIRONMENT)


def test_a_machine_without_terminals_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise OSError("out of pty devices")

    monkeypatch.setattr("pty.openpty", none)
    with pytest.raises(SessionError, match="gives no terminal: out of pty devices"):
        record("true", tmp_path, ENVIRONMENT)


HERE, FOLDER = Path("/somewhere/here"), Path("/somewhere/x")


def test_of_a_value_that_names_this_machine_an_ellipsis_stays() -> None:
    scene = Scene("c", 1.0, (Line(0.1, "  $ run --label=owner=7;/somewhere/x/y --rm  it"),))
    (shown,) = published([scene], HERE, [FOLDER])
    assert shown.lines == (Line(0.1, "  $ run --label=… --rm  it"),)


def test_a_path_is_told_from_where_the_commands_ran() -> None:
    scene = Scene("c", 1.0, (Line(0.1, "  in /somewhere/here/.cache/laptop.svg"),))
    (shown,) = published([scene], HERE, [HERE, FOLDER])
    assert shown.lines == (Line(0.1, "  in .cache/laptop.svg"),)


@pytest.mark.parametrize("text", ["in /somewhere/x/orders", "account 999999999999"])
def test_what_would_tell_of_this_machine_or_of_an_account_is_refused(text: str) -> None:
    with pytest.raises(SessionError, match="published"):
        published([Scene("c", 1.0, (Line(0.1, text),))], HERE, [FOLDER])


def test_the_account_of_the_examples_may_be_shown() -> None:
    scene = Scene("c", 1.0, (Line(0.1, f"account {ACCOUNT}, elsewhere/x"),))
    assert published([scene], HERE, [FOLDER]) == (scene,)


def test_a_picture_keeps_what_it_is_made_from() -> None:
    assert scenes_of(svg([SCENE])) == (SCENE,)


def test_every_word_is_at_its_column() -> None:
    found = re.findall(r'<text x="([\d.]+)"[^>]*>([^<]*)<', svg([SCENE]))
    columns = {text: round(float(x) / 6.6) for x, text in found}
    assert (columns["✓"], columns["3.1 s"], columns["Deploy"]) == (2, 5, 12)


def test_a_line_that_is_too_long_goes_on_below() -> None:
    texts = _texts(Scene("c", 1.0, (Line(0.1, "x" * COLUMNS + "yz"),)))
    assert texts[-2:] == ["x" * COLUMNS, "yz"]


def test_what_lies_before_a_command_is_said() -> None:
    scene = Scene("make call", 1.0, LINES, notes=("make playground",))
    assert _texts(scene)[1:3] == ["# make playground", "$ make call"]


def test_pauses_are_cut_and_that_is_said() -> None:
    picture = svg([SCENE])
    (seconds,) = re.findall(r"animation:scroll ([\d.]+)s", picture)
    assert float(seconds) < 10
    assert "A real run of 1 min 31 s; cut: pauses, values that name a machine" in picture


def test_who_wants_no_motion_sees_the_end() -> None:
    assert "@media (prefers-reduced-motion: reduce){.lines,.cover{animation:none}}" in svg([SCENE])
    long = Scene("c", 1.0, tuple(Line(n / 10, f"line {n}") for n in range(100)))
    texts = _texts(long)
    assert texts[-1] == "line 99"
    assert "line 1" not in texts


def test_the_recording_of_the_readme_is_drawn_as_the_code_draws_it_and_is_small() -> None:
    picture = SVG.read_text(encoding="utf-8")
    scenes = scenes_of(picture)
    assert [scene.command.split()[1] for scene in scenes] == ["init", "rehearse", "call"]
    assert picture == svg(scenes), "run `python -m tools.recording --redraw` and commit"
    assert len(picture.encode()) < 60_000
    assert published(scenes, HERE, []) == scenes
