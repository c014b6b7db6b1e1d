"""What an installation brings: packages and megabytes, the same on every machine of a kind."""

import re
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path


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
