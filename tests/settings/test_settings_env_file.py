"""How the file is read, before anything is known of its keys."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from settings import Problem, Settings, SettingsError, load_settings

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]


def report(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return str(caught.value)


def test_file_that_is_not_there_says_to_copy_the_sample(tmp_path: Path) -> None:
    assert f"    cp sample.env '{tmp_path}/my .env'\n" in report(tmp_path / "my .env")


def test_default_is_dot_env_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_env: Callable[..., Path]
) -> None:
    write_env(service_name="found").rename(tmp_path / ".env")
    monkeypatch.chdir(tmp_path)
    assert load_settings().service.service_name == "found"


def test_settings_know_their_file(write_env: Callable[..., Path]) -> None:
    path = write_env()
    assert load_settings(str(path)).env_file == path


def test_directory_is_refused(tmp_path: Path) -> None:
    assert "this is a directory" in report(tmp_path)


def test_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in report(tmp_path / "pipe")


def test_unreadable_file_says_why(
    write_env: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = write_env()
    monkeypatch.setattr(Path, "read_bytes", refuse)  # chmod does not stop root
    assert "cannot be read (Permission denied)" in report(path)


def test_path_through_a_file_says_why(write_env: Callable[..., Path]) -> None:
    assert "cannot be read (Not a directory)" in report(write_env() / ".env")


def test_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.env"
    path.write_text("#" * (10 * 1024 * 1024), encoding="utf-8")
    assert "10.0 MiB; expected at most 1 MiB" in report(path)


def test_file_of_one_mebibyte_is_read(write_env: Callable[..., Path]) -> None:
    path = write_env()
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "#" * (1024 * 1024 - len(text)), encoding="utf-8")
    assert load_settings(path).account_number == "123456789012"


def test_text_that_is_not_utf8_names_the_line(write_env: Callable[..., Path]) -> None:
    path = write_env()
    path.write_bytes(b"# fine\n# caf\xe9\n" + path.read_bytes())
    assert "not UTF-8 text (line 2)" in report(path)


@pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(lambda raw: b"\xef\xbb\xbf" + raw, id="byte order mark"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lambda raw: b"export " + raw.replace(b"\n", b"\nexport ", 30), id="export"),
        pytest.param(lambda raw: raw.replace(b'="', b' = "'), id="spaces around ="),
        pytest.param(lambda raw: raw.replace(b'"\n', b'"  # a comment\n'), id="comments"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\n\n"), id="blank lines"),
        pytest.param(lambda raw: raw.rstrip(), id="no line end at the end"),
    ],
)
def test_usual_forms_of_a_file_mean_the_same(
    write_env: Callable[..., Path], rewrite: Callable[[bytes], bytes]
) -> None:
    path = write_env()
    plain = load_settings(path)
    original = path.read_bytes()
    path.write_bytes(rewrite(original))
    assert path.read_bytes() != original
    assert load_settings(path) == plain


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"A=b # c"', "b # c"),
        ("'A=b # c'", "b # c"),
        ("A=b # c", "b"),
        ("A=b#c", "b#c"),
        (r'"A=say \"hi\""', 'say "hi"'),
        ("'A=$HOME'", "$HOME"),
        ('"A=$HOME"', "$HOME"),
        ("A=$HOME", "$HOME"),
        ('"A=grüße"', "grüße"),
    ],
)
def test_quotes_hashes_and_dollars_in_a_value(
    write_env: Callable[..., Path], written: str, meant: str
) -> None:
    path = write_env(container_environment=None)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"container_environment={written}\n")
    assert load_settings(path).service.container_environment == {"A": meant}


def test_environment_of_the_shell_changes_nothing(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = load(stack_prefix=None)
    for name in ("aws_region", "AWS_REGION", "stack_prefix", "STACK_PREFIX", "max_count"):
        monkeypatch.setenv(name, "us-east-2")
    monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "1")
    assert load(stack_prefix=None) == plain


def test_key_given_twice_names_both_lines_and_nothing_else(write_env: Callable[..., Path]) -> None:
    path = write_env(task_cpu=None, task_memory="512")
    path.write_text(f"task_cpu=300\n\n{path.read_text()}task_cpu=\n", encoding="utf-8")
    last = len(path.read_text().splitlines())
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    (problem,) = caught.value.problems
    assert problem.key == "task_cpu"
    assert f"twice, on lines 1 and {last}" in problem.message


def test_topology_given_twice_is_the_only_problem(write_env: Callable[..., Path]) -> None:
    path = write_env(vpc_cidr="nonsense")
    path.write_text(f"{path.read_text()}deploy_core_stack=False\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert [problem.key for problem in caught.value.problems] == ["deploy_core_stack"]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('service_name="orders', "service_name"),
        ("service_name='orders\n\n# comment", "service_name"),
        ('service_name="orders" extra', "service_name"),
    ],
)
def test_line_that_cannot_be_read_is_named_once(
    write_env: Callable[..., Path], line: str, key: str
) -> None:
    path = write_env(service_name=None)
    path.write_text(f"# first\n\n{line}\n{path.read_text()}", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    first, *others = caught.value.problems
    assert first.key == "line 3"
    assert f"{key} cannot be read" in first.message
    assert others == []


def test_line_without_a_key_is_named(write_env: Callable[..., Path]) -> None:
    path = write_env()
    path.write_text(f'="x"\n{path.read_text()}', encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert [p.key for p in caught.value.problems] == ["line 1"]


def test_unclosed_quote_does_not_pass_as_a_value_of_several_lines(
    write_env: Callable[..., Path],
) -> None:
    path = write_env(service_name=None, container_name=None)
    path.write_text(
        f'{path.read_text()}service_name="orders\ncontainer_name=orders\n# say "\n',
        encoding="utf-8",
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    (problem,) = caught.value.problems
    assert "service_name cannot be read" in problem.message


def test_key_without_a_value_says_how_to_write_one(write_env: Callable[..., Path]) -> None:
    path = write_env(service_name=None)
    path.write_text(f"service_name\n{path.read_text()}", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == ("line 1", 1)
    assert 'service_name cannot be read; expected key="value"' in problem.message


@pytest.mark.parametrize(
    "text", ["or\u200bders", "or\u00a0ders", "or\tders", "or\x07ders", "a\x1b[31mb"]
)
def test_invisible_character_is_an_error(problems: Problems, text: str) -> None:
    assert "invisible character" in problems(service_name=text)["service_name"].message


def test_whitespace_around_a_value_is_fine(load: Load) -> None:
    assert load(container_port=" 8080 ", seed_image="me/app:1 ").service.container_port == 8080
