"""Names of files, stacks and keys: of any form, and printed on one line and not too long."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from settings import SettingsError, load_deployment

WriteEnv = Callable[..., Path]

STEERING = "\x1b[2J\x07\r\n\u202e"


def report(env_files: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_deployment(env_files)
    text = str(caught.value)
    assert text.replace("\n", "").isprintable()
    assert len(text) < 5_000
    assert text.endswith("\nNothing was deployed or written.")
    return text


@pytest.mark.parametrize("blank", ["", " ", "\t", "\n"])
def test_no_name_is_an_error(blank: str) -> None:
    assert report(blank).startswith(
        "error: 1 problem in env_file\n"
        "  the value is empty; expected the name of a settings file, or several with "
        "commas between them\nNothing"
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [([".env"], "list"), (7, "int"), (True, "bool"), ({}, "dict"), (None, "None")],
)
def test_what_is_no_text_is_an_error(value: object, kind: str) -> None:
    assert f"of type {kind}" in report(value)


@pytest.mark.parametrize("names", [",", "a.env,", ",,", " , a.env"])
def test_list_with_an_empty_item_is_an_error(names: str) -> None:
    assert "the list of files has an empty item" in report(names)


@pytest.mark.parametrize("name", ["a\x00b", "\ud800.env", "\x00"])
def test_name_that_no_file_can_have(name: str) -> None:
    assert "no file can have such a name" in report(name)


def test_name_that_steers_a_terminal_is_escaped(tmp_path: Path) -> None:
    said = report(f"{tmp_path}/{STEERING}.env")
    assert r"\x1b[2J\x07\r\n\u202e.env" in said
    assert "cp sample.env" not in said, "no shell makes that name of it"


def test_name_with_blanks_around_it_shows_them() -> None:
    assert report('"a.env "').startswith('error: 1 problem in "a.env "')


def test_long_name_is_cut() -> None:
    said = report("x" * 70_000)
    assert f"{'x' * 100}...{'x' * 100}" in said
    assert "File name too long" in said


def test_very_many_files_are_counted() -> None:
    said = report(",".join(f"{n}.env" for n in range(2_000)))
    assert "in 1980 more files" in said


def test_names_of_other_files_are_shown_alike(write_env: WriteEnv) -> None:
    path = write_env()
    odd = path.with_name("a\x1b.env")
    odd.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    assert r"a\x1b.env: both would create the cluster" in " ".join(report(f"{odd},{path}").split())


def test_file_of_outputs_is_named_alike(write_env: WriteEnv) -> None:
    path = write_env(deploy_core_stack="False", core_outputs_file="y" * 70_000)
    assert "..." in report(str(path))
    path = write_env(deploy_core_stack="False", core_outputs_file="y" * 1_000)
    assert "File name too long" in report(str(path))


@pytest.mark.parametrize("name", [STEERING, "x" * 70_000])
def test_names_of_stacks_are_escaped_and_cut(
    write_env: WriteEnv, tmp_path: Path, core_outputs: dict[str, str], name: str
) -> None:
    path = write_env(deploy_core_stack="False", core_outputs_file="output.json")
    for content in (
        {f"{name}{n}CoreInfraStack": core_outputs for n in range(12)},
        {f"{name}CoreInfraStack": core_outputs | {"VpcId": "x"}},
        {f"{name}CoreInfraStack": {"VpcId": "x"}},
    ):
        (tmp_path / "output.json").write_text(json.dumps(content), encoding="utf-8")
        assert "CoreInfraStack" in report(str(path))


def test_very_many_namespaces_of_outputs_are_cut(
    write_env: WriteEnv, tmp_path: Path, core_outputs: dict[str, str]
) -> None:
    ids = [f"ns-{n}" for n in range(3_000)]
    arn = core_outputs["NamespaceArns"].partition("/")[0]
    core_outputs["NamespaceIds"] = ",".join(ids)
    core_outputs["NamespaceArns"] = ",".join(f"{arn}/{each}" for each in ids)
    core_outputs["NamespaceNames"] = ",".join(f"{each}.local" for each in ids)
    (tmp_path / "output.json").write_text(json.dumps({"A": core_outputs}), encoding="utf-8")
    path = write_env(deploy_core_stack="False", core_outputs_file="output.json")
    assert "and 2990 more" in report(str(path))


@pytest.mark.parametrize("key", ["K" * 70_000, "a\x1b[2J", "ключ", "a" * 41])
def test_names_of_keys_are_not_printed_raw(write_env: WriteEnv, key: str) -> None:
    path = write_env()
    path.write_text(f"{key}=x\n{path.read_text('utf-8')}", encoding="utf-8")
    assert "line 1" in report(str(path))
