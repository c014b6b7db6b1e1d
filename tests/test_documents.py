"""What the documents say, against what is there."""

import re
from pathlib import Path

import pytest

from backend_service.names import ServiceOutput
from settings import SettingsError, load_deployment
from settings.examples import sample_env
from settings.names import CoreOutput
from tests.repository import ROOT

DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]
TOOLS = ROOT / "tools"
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def document_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_links_to_files_resolve(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    files = [(document.parent / t).resolve() for t in targets if not re.match(r"[a-z]+:", t)]
    # Who has thrown the tools away need not look for every link to them.
    if not TOOLS.exists():
        files = [file for file in files if not file.is_relative_to(TOOLS)]
    assert [file for file in files if not file.exists()] == []


def code(document: Path) -> str:
    """Return what is between backquotes, in a line or as a block."""
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"(?<!`)`[^`]+`(?!`)", text)])


# The page for who comes from an older revision names what that one had.
@pytest.mark.parametrize(
    "document", [d for d in DOCUMENTS if d.name != "next-version.md"], ids=document_id
)
def test_code_that_is_named_is_there(document: Path) -> None:
    folders = ["application-code", "backend_service", "core_infra", "docs", "settings", "tests"]
    folders += ["tools"] * TOOLS.exists()
    paths = re.findall(rf"(?<![\w/.-])(?:{'|'.join(folders)})/[\w./-]*\w", code(document))
    assert [path for path in paths if not (ROOT / path).exists()] == []
    there = {path.name for folder in folders for path in (ROOT / folder).rglob("*.py")} | {"app.py"}
    named = set(re.findall(r"(?<![\w/.])\w+\.py\b", code(document)))
    assert not TOOLS.exists() or named <= there


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
@pytest.mark.skipif(not TOOLS.exists(), reason="most targets and commands are those of the tools")
def test_commands_of_make_and_python_are_there(document: Path) -> None:
    makefiles = [ROOT / "Makefile", TOOLS / "tools.mk"]
    rules = "\n".join(path.read_text(encoding="utf-8") for path in makefiles)
    targets = set(re.findall(r"^([a-z-]+):", rules, re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", code(document), re.MULTILINE)) <= targets
    modules = re.findall(r"python -m ((?:tools|settings)[\w.]*)", code(document))
    folders = [ROOT.joinpath(*module.split(".")) for module in modules]
    assert [
        each for each in folders if not (each.is_dir() or each.with_suffix(".py").exists())
    ] == []


def test_the_outputs_that_are_named_are_there() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+Stack)` \| (`VpcId.*|`ServiceName.*) \|$", OPERATIONS, re.MULTILINE)
    )
    named = {stack: re.findall(r"`(\w+)`", row) for stack, row in rows.items()}
    assert sorted(named["CoreInfraStack"]) == sorted(CoreOutput)
    assert sorted(named["BackendServiceStack"]) == sorted(ServiceOutput)


def test_readme_shows_the_report_that_such_a_file_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sample_env(task_cpu="300").replace("service_name=", "servcie_name=", 1)
    text = re.sub(r"^servcie_name=.*$", 'servcie_name="x"', text, flags=re.MULTILINE)
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load_deployment(".env")
    assert str(caught.value) in README
