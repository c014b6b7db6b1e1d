"""The report that the user reads."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings import Problem, SettingsError, load_settings


def test_a_report_of_some_problems() -> None:
    problems = [
        Problem("task_cpu", "expected one of 256, 512 (CPU units)", '"300"'),
        Problem("servcie_name", "unknown key; did you mean service_name?", '"x"'),
        Problem("namespace_arn", "expected the ARN of a namespace", f'"{"x" * 60}"'),
        Problem("line 7", "cannot be read"),
        Problem("", "the file as a whole"),
    ]
    error = SettingsError({Path(".env"): problems, Path("a\x1b.env"): [Problem("a", "b")]})
    assert str(error) == "\n".join(
        [
            "error: 5 problems in .env",
            '  task_cpu="300": expected one of 256, 512 (CPU units)',
            '  servcie_name="x": unknown key; did you mean service_name?',
            f'  namespace_arn="{"x" * 60}":',
            "      expected the ARN of a namespace",
            "  line 7: cannot be read",
            "  the file as a whole",
            r"error: 1 problem in a\x1b.env",
            "  a: b",
            "Nothing was deployed or written.",
        ]
    )


def test_long_messages_are_wrapped_and_names_stay_in_one_piece() -> None:
    arn = "arn:aws:iam::123456789012:role/" + "a-name-of-many-parts" * 5
    message = f"{'word ' * 60} {arn}"
    report = str(SettingsError({Path(".env"): [Problem("task_cpu", message, '"300"')]}))
    lines = [line for line in report.splitlines() if arn not in line]
    assert max(map(len, lines)) <= 80
    assert report.count("word") == 60
    assert f" {arn}\n" in report


def test_an_error_does_not_show_where_it_came_from(write_env: Callable[..., Path]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write_env(task_cpu="300"))
    assert caught.value.__context__ is None or caught.value.__suppress_context__
