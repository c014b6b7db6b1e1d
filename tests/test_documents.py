"""What the documents say, against what is there."""

import re
from pathlib import Path

import pytest

from rehearsal.acts.first_deploy import CORE_OUTPUTS, SERVICE_OUTPUTS
from rehearsal.sample_settings import ROOT, sample_env
from settings import SettingsError, load_deployment

DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "picture").rglob("README.md"),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def document_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_links_to_files_resolve(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    missing = [
        target
        for target in targets
        if not re.match(r"[a-z]+:", target) and not (document.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_make_targets_that_are_named_exist(document: Path) -> None:
    targets = set(re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8")))
    known = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert targets - known == set()


def test_every_target_for_people_says_what_it_does() -> None:
    documented = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
    internal = {"static-checks", "fast-tests", "slow-tests", "play-rehearsal"}
    phony = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE))
    assert {t for line in phony for t in line.split()} - internal == documented


def test_readme_names_the_outputs_that_there_are() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+Stack)` \| (`VpcId.*|`ServiceName.*) \|$", README, re.MULTILINE)
    )
    named = {stack: re.findall(r"`(\w+)`", row) for stack, row in rows.items()}
    assert sorted(named["CoreInfraStack"]) == sorted(CORE_OUTPUTS)
    assert sorted(named["BackendServiceStack"]) == sorted(SERVICE_OUTPUTS)


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
