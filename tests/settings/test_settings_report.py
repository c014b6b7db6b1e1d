"""The report that the user reads."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings import Problem, SettingsError, load_settings

WriteEnv = Callable[..., Path]


def test_report_of_some_problems() -> None:
    error = SettingsError(
        Path(".env"),
        [
            Problem("task_cpu", "expected one of 256, 512 (CPU units)", '"300"'),
            Problem("servcie_name", "unknown key; did you mean service_name?", '"x"'),
            Problem("namespace_arn", "expected the ARN of a namespace", f'"{"x" * 60}"'),
            Problem("line 7", "cannot be read"),
            Problem("", "the file as a whole"),
        ],
    )
    assert str(error) == "\n".join(
        [
            "error: 5 problems in .env",
            '  task_cpu="300"    expected one of 256, 512 (CPU units)',
            '  servcie_name="x"  unknown key; did you mean service_name?',
            f'  namespace_arn="{"x" * 60}"',
            "      expected the ARN of a namespace",
            "  line 7            cannot be read",
            "  the file as a whole",
            "Nothing was deployed or written.",
        ]
    )


def test_one_problem_is_no_problems() -> None:
    assert str(SettingsError(Path("x"), [Problem("a", "b")])).startswith("error: 1 problem in x\n")


def test_long_messages_are_wrapped_for_a_narrow_terminal() -> None:
    report = str(SettingsError(Path(".env"), [Problem("task_cpu", "word " * 60, '"300"')]))
    assert max(map(len, report.splitlines())) <= 80
    assert report.count("word") == 60


def test_names_stay_in_one_piece_to_be_copied() -> None:
    arn = "arn:aws:iam::123456789012:role/" + "a-name-of-many-parts" * 5
    report = str(SettingsError(Path(".env"), [Problem("a", f"expected something like {arn}")]))
    assert f" {arn}\n" in report


def test_report_of_a_wholly_wrong_file_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("".join(f"key{number}=x\n" for number in range(5_000)), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert len(caught.value.problems) > 5_000
    assert len(str(caught.value).splitlines()) < 100
    assert "more" in str(caught.value)


def test_error_hides_where_it_came_from(write_env: WriteEnv) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write_env(task_cpu="300"))
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_error_knows_its_file(write_env: WriteEnv) -> None:
    path = write_env(task_cpu="300")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert caught.value.env_file == path
    assert caught.value.problems[0].line is not None


def test_very_long_value_is_cut(write_env: WriteEnv) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write_env(service_name="X" * 5000))
    assert 'XXX..."' in str(caught.value)
    assert len(str(caught.value)) < 500


def test_terminal_is_not_steered_by_the_file(write_env: WriteEnv) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write_env(service_name="\x1b[2J\x1b[1;1Hall is well"))
    assert "\x1b" not in str(caught.value)
    assert "?[2J" in str(caught.value)
