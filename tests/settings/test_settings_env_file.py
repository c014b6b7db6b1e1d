"""How the file is read, before anything is known of what its keys mean."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings import Problem, Settings, SettingsError, load_settings

Load = Callable[..., Settings]
WriteEnv = Callable[..., Path]


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return caught.value.problems


def test_without_a_file_the_report_says_how_to_copy_the_sample(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "my .env")
    assert problem.message.endswith(f"\n  cp sample.env '{tmp_path}/my .env'")


def test_the_default_is_dot_env_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_env: WriteEnv
) -> None:
    write_env(name=".env", service_name="found")
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.service.service_name == "found"
    assert settings.env_file == Path(".env")


def not_utf8(path: Path) -> None:
    path.write_bytes(b"# caf\xe9\n")


def utf16(path: Path) -> None:
    path.write_text("# coffee", encoding="utf-16")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(Path.mkdir, "Is a directory"), (not_utf8, "not UTF-8 text"), (utf16, "not UTF-8 text")],
)
def test_a_file_that_cannot_be_read_is_one_problem(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(tmp_path / ".env")
    (problem,) = problems_of(tmp_path / ".env")
    assert problem.message.startswith("the file cannot be read: ")
    assert reason in problem.message


@pytest.mark.parametrize("name", ["a\x00b", "x" * 5000])
def test_a_name_that_no_file_can_have_is_one_problem(name: str) -> None:
    (problem,) = problems_of(Path(name))
    assert problem.message.startswith("the file cannot be read: ")


@pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(lambda raw: b"\xef\xbb\xbf" + raw, id="byte order mark"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lambda raw: raw.replace(b"\ntask_", b"\nexport task_"), id="export"),
        pytest.param(lambda raw: raw.replace(b'="', b' = "'), id="spaces around ="),
        pytest.param(lambda raw: raw.replace(b'"\n', b'"  # a comment\n'), id="comments"),
        pytest.param(lambda raw: raw.rstrip(), id="no line end at the end"),
    ],
)
def test_usual_forms_of_a_file_mean_the_same(
    write_env: WriteEnv, rewrite: Callable[[bytes], bytes]
) -> None:
    path = write_env()
    plain = load_settings(path)
    original = path.read_bytes()
    path.write_bytes(rewrite(original))
    assert path.read_bytes() != original
    assert load_settings(path) == plain


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"A=b # c"', "b # c"),
        ("'A=b # c'", "b # c"),
        ("A=b # c", "b"),
        ("A=b#c", "b#c"),
        (r'"A=say \"hi\""', 'say "hi"'),
        ("'A=$HOME'", "$HOME"),
        ("A=$HOME", "$HOME"),
        ('"A=grüße"', "grüße"),
    ],
)
def test_quotes_hashes_and_dollars_in_a_value(
    write_env: WriteEnv, written: str, value: str
) -> None:
    path = write_env(container_environment=None)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"container_environment={written}\n")
    assert load_settings(path).service.container_environment == {"A": value}


def test_the_environment_of_the_shell_changes_nothing(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = load(stack_prefix=None)
    for name in ("aws_region", "AWS_REGION", "stack_prefix", "max_count"):
        monkeypatch.setenv(name, "us-east-2")
    monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "1")
    assert load(stack_prefix=None) == plain


@pytest.mark.parametrize("key", ["task_cpu", "deploy_core_stack"])
def test_a_key_that_is_there_twice_is_the_only_problem(write_env: WriteEnv, key: str) -> None:
    path = write_env(**{key: None})
    path.write_text(f"{key}=300\n\n{path.read_text()}{key}=\n", encoding="utf-8")
    (problem,) = problems_of(path)
    assert problem.key == key
    last = len(path.read_text().splitlines())
    assert problem.message == f"appears twice, on lines 1 and {last}; keep one"


@pytest.mark.parametrize(
    "line",
    [
        'service_name="orders',
        "service_name='orders\n\n# comment",
        'service_name="orders" extra',
        "service_name",
    ],
)
def test_a_line_that_cannot_be_read_is_the_only_problem(write_env: WriteEnv, line: str) -> None:
    path = write_env(service_name=None)
    path.write_text(f"# first\n\n{line}\n{path.read_text()}", encoding="utf-8")
    (problem,) = problems_of(path)
    assert (problem.key, problem.line) == ("line 3", 3)
    assert problem.message == 'service_name cannot be read; expected key="value", with both quotes'


@pytest.mark.parametrize("line", ['="x"', "ключ=x", f"{'K' * 41}=x", "a\x1b[2J=x"])
def test_a_line_without_a_proper_key_is_named_by_its_number(write_env: WriteEnv, line: str) -> None:
    path = write_env()
    path.write_text(f"{line}\n{path.read_text()}", encoding="utf-8")
    (problem,) = problems_of(path)
    assert problem.label == "line 1"


def test_a_quote_that_is_not_closed_does_not_swallow_the_next_line(write_env: WriteEnv) -> None:
    path = write_env(service_name=None, container_name=None)
    lines = 'service_name="orders\ncontainer_name=orders\n# say "\n'
    path.write_text(path.read_text() + lines, encoding="utf-8")
    (problem,) = problems_of(path)
    assert "service_name cannot be read" in problem.message
