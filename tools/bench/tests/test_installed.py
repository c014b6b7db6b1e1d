"""What has to be installed does not grow unnoticed: a first deploy or rehearsal waits for it.

The limits leave room for new versions. Raise one only with a reason.
"""

import re
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest

from tools.repository import ROOT


def installed(lock: Path) -> dict[str, float]:
    """Return the megabytes of each package that a lock file names and this machine needs.

    As the packages were built: compiled files, which Python adds, are not counted.
    """
    names = re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE)
    found = {}
    for name in names:
        try:
            found[name] = sum(file.size or 0 for file in files(name) or ()) / 1e6
        except PackageNotFoundError:
            continue  # its marker leaves it out here
    return found


@pytest.mark.parametrize(
    ("lock", "packages", "megabytes"),
    [("requirements.lock", 29, 500), ("tools/requirements.lock", 70, 810)],
    ids=["deploy", "tools"],
)
def test_an_installation_stays_small(lock: str, packages: int, megabytes: float) -> None:
    found = installed(ROOT / lock)
    largest = ", ".join(
        f"{name} {size:.0f} MB"
        for name, size in sorted(found.items(), key=lambda each: -each[1])[:8]
    )
    assert len(found) <= packages, f"{len(found)} packages: {', '.join(sorted(found))}"
    assert sum(found.values()) <= megabytes, f"{sum(found.values()):.0f} MB: {largest}"


def test_a_package_that_is_needed_elsewhere_only_does_not_count(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text(
        "pydantic==2.14.3 \\\n    --hash=sha256:0\nno-such-package==1 ; os_name == 'x'\n"
    )
    assert list(installed(lock)) == ["pydantic"]
