"""What the documents say, against what is there."""

import re
from pathlib import Path

import pytest

from backend_service.names import ServiceOutput
from core_infra.names import CoreOutput
from settings import SettingsError, load_deployment
from settings.examples import ROOT, sample_env

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
