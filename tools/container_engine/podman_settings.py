"""What podman must be told where it runs as root without systemd, in a sandbox or a CI job.

There it is short of three things that it takes for granted: systemd, which would make its control
groups; the right to raise resource limits, which it does for every container; and, with the first
version of control groups, a use for crun.
"""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}


def podman_settings(cache: Path) -> dict[str, str]:
    """Environment variables for podman; none on an ordinary machine."""
    if os.geteuid() != 0 or Path("/run/systemd/system").exists():
        return {}
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / "containers.conf"
    file.write_text(_containers_conf(), encoding="utf-8")
    return {
        "CONTAINERS_CONF_OVERRIDE": str(file.resolve()),  # on top of the machine's own settings
        "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
    }


def _containers_conf() -> str:
    limits = ", ".join(f'"{name}={_hard(of)}:{_hard(of)}"' for name, of in _LIMITS.items())
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
    return (
        f"[containers]\ndefault_ulimits = [{limits}]\n"
        f'[engine]\ncgroup_manager = "cgroupfs"\n{runtime}'
    )


def _hard(limit: int) -> int:
    """Read the highest value this process may hand on (-1 is no limit, to podman as well)."""
    return resource.getrlimit(limit)[1]
