"""The file with environment variables of the container."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings import Settings, SettingsError, load_settings
from settings.examples import SECRET

Load = Callable[..., Settings]
Reported = Callable[..., dict[str, list[tuple[str, str]]]]


@pytest.fixture
def load_with(tmp_path: Path, write_env: Callable[..., Path]) -> Load:
    """Load the filled sample, with changes and a file of variables beside it."""

    def load(text: str, **changes: str) -> Settings:
        (tmp_path / "a.vars").write_text(text, encoding="utf-8")
        return load_settings(write_env(**{"container_environment_file": "a.vars"} | changes))

    return load


@pytest.fixture
def reported(load_with: Load) -> Reported:
    """Return the key and the first words of each problem, by the name of its file."""

    def collect(text: str, **changes: str) -> dict[str, list[tuple[str, str]]]:
        with pytest.raises(SettingsError) as caught:
            load_with(text, **changes)
        assert "hunter2" not in str(caught.value)
        return {
            path.name: [(each.key, " ".join(each.message.split()[:4])) for each in problems]
            for path, problems in caught.value.reports.items()
        }

    return collect


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=a,b", "a,b"),
        ('export A=\'["a", "b"]\' # a list', '["a", "b"]'),
        ("A=' say \"hi\" '", ' say "hi" '),
        ('A="first\nsecond"', "first\nsecond"),
        (r'A="first\nsecond\tthird"', "first\nsecond\tthird"),
        (r"A='a\nb'", r"a\nb"),
        ("A=", ""),
        ("A=$HOME", "$HOME"),
    ],
)
def test_a_value_is_read_as_python_dotenv_reads_it(load_with: Load, line: str, value: str) -> None:
    assert load_with(f"# a comment\n\n{line}\n").service.container_environment == {"A": value}


def test_both_keys_give_variables(load_with: Load, tmp_path: Path) -> None:
    changes = {"container_environment": "A=1", "container_environment_file": f"{tmp_path}/a.vars"}
    assert load_with("B=2", **changes).service.container_environment == {"A": "1", "B": "2"}


def test_a_name_is_in_one_place(reported: Reported) -> None:
    found = reported("B=2\n", container_environment="A=1,B=1")
    assert found == {"some.env": [("container_environment", "B is in container_environment_file")]}
    found = reported("C=2\n", container_secrets=f"C={SECRET}")
    assert found == {"some.env": [("container_secrets", "C is in container_environment")]}


def test_all_problems_come_together_with_their_file_and_name(reported: Reported) -> None:
    lines = ["A=1", "hunter2", "SERVICE_PORT=1", "PASSWORD=hunter2", "A=2", "B=<FILL_IN>"]
    lines += ["C=${HOME}", 'D="\x1b[0m"', "hunter2-x=1", 'E="hunter2']
    found = reported("\n".join(lines), task_cpu="300")
    assert [key for key, _ in found["some.env"]] == ["task_cpu"]
    assert found["a.vars"] == [
        ("line 2", "cannot be read; expected"),
        ("SERVICE_PORT", "is set by the"),
        ("PASSWORD", "looks like a credential,"),
        ("A", "appears twice, again on"),
        ("B", "is still a placeholder;"),
        ("C", "for CDK and CloudFormation"),
        ("D", "contains a non-printable character;"),
        ("line 9", "cannot be read; expected"),
        ("line 10", "cannot be read; expected"),
    ]


def test_both_together_have_room_in_the_task_definition(reported: Reported) -> None:
    found = reported(f"B={'x' * 25_000}", container_environment=f"A={'x' * 25_000}")
    assert found == {"some.env": [("container_environment", "needs 50056 bytes of")]}


def test_a_file_that_is_not_there_is_named(reported: Reported) -> None:
    found = reported("", container_environment_file="no.vars")
    assert found == {"no.vars": [("", "there is no such")]}
