"""What is installed is what was locked, and somebody watches it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repository import ROOT

SERVICE = ROOT / "application-code" / "ecsdemo-backend"
LOCKS = {
    ROOT / "requirements.lock": ROOT / "requirements.txt",
    ROOT / "requirements-dev.lock": ROOT / "requirements-dev.txt",
    SERVICE / "requirements.txt": SERVICE / "requirements.in",
    SERVICE / "requirements-test.txt": SERVICE / "requirements-test.in",
}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(path: Path) -> list[tuple[str, str]]:
    """Return normalised names and versions; a name comes twice if a marker tells them apart."""
    found = _PIN.findall(path.read_text(encoding="utf-8"))
    return [(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in found]


def wanted(path: Path) -> set[tuple[str, str]]:
    """Return what a file and those that it names with -r ask for; everything must be exact."""
    pinned = set(pins(path))
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            pinned |= wanted(path.parent / text[3:].strip())
        elif text:
            assert _PIN.match(text), f"{path.name}: {text} is not an exact version"
    return pinned


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_lock_has_what_is_asked_for(lock: Path) -> None:
    """When it fails: ``make lock``, or the command at the top of the .in file."""
    asked = wanted(LOCKS[lock])
    assert asked
    assert asked - set(pins(lock)) == set()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_every_locked_package_has_hashes(lock: Path) -> None:
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    packages = [block for block in blocks if _PIN.match(block)]
    assert len(packages) == len(pins(lock))
    assert [b.splitlines()[0] for b in packages if "--hash=sha256:" not in b] == []


def test_what_is_installed_together_has_one_version_of_each_package() -> None:
    """The set of the tests, and that of the tools if they are there, are added to the first."""
    locks = [ROOT / "requirements-dev.lock", *(ROOT / "tools").glob("requirements.lock")]
    deployed = set(pins(ROOT / "requirements.lock"))
    assert [lock.name for lock in locks if deployed - set(pins(lock))] == []
    versions: dict[str, set[str]] = {}
    for lock in locks:
        found: dict[str, set[str]] = {}
        for name, version in pins(lock):
            found.setdefault(name, set()).add(version)
        for name, of_this_lock in found.items():
            assert versions.setdefault(name, of_this_lock) == of_this_lock, name


def test_package_lock_has_what_package_json_asks_for() -> None:
    asked = read_json(ROOT / "package.json")["dependencies"]
    packages = read_json(ROOT / "package-lock.json")["packages"]
    assert packages[""]["dependencies"] == asked
    for name, version in asked.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} is not an exact version"
        assert packages[f"node_modules/{name}"]["version"] == version
    locked = [package for name, package in packages.items() if name]
    assert all(package["integrity"].startswith("sha512-") for package in locked)


@pytest.mark.parametrize("file", [ROOT / "Makefile", SERVICE / "Dockerfile"], ids=lambda f: f.name)
def test_every_installation_checks_the_hashes(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(
        r"^.*\b(?:pip\b.*\binstall|(?:npm|\$\(NPM\)) (?:install|i|ci))\b.*$", text, re.MULTILINE
    )
    assert commands
    for command in commands:
        assert "--require-hashes" in command or re.search(r"(?i:npm)\)? ci", command), command


def test_base_image_has_a_full_version() -> None:
    text = (SERVICE / "Dockerfile").read_text(encoding="utf-8")
    (image,) = re.findall(r"^ARG BASE_IMAGE=(\S+)", text, re.MULTILINE)
    assert re.search(r":\d+\.\d+\.\d+-\S+$|@sha256:[0-9a-f]{64}$", image)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {
        *("${BASE_IMAGE}", "packages", "runtime"),
    }


def test_every_action_is_a_commit_with_its_version_beside_it() -> None:
    workflows = [*(ROOT / ".github" / "workflows").glob("*.yml")]
    used = [
        use
        for file in workflows
        for use in re.findall(r"\buses: *(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert used
    assert [u for u in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", u)] == []


def test_dependabot_watches_every_kind_of_dependency() -> None:
    text = (ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8")
    updates = yaml.safe_load(text)["updates"]
    watched = {(u["package-ecosystem"], f) for u in updates for f in folders_of(u)}
    service = f"/{SERVICE.relative_to(ROOT)}"
    assert watched == {
        ("pip", "/"),
        ("pip", "/tools"),
        ("pip", service),
        ("npm", "/"),
        ("npm", "/tools/iam_oracle"),
        ("docker", service),
        ("github-actions", "/"),
    }


def folders_of(update: dict[str, Any]) -> list[str]:
    return list(update.get("directories", [update.get("directory")]))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
