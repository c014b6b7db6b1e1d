"""Which engine this machine has: a docker that answers, or else podman."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tools.container_engine.engine import Engine, NoEngineError
from tools.container_engine.podman_settings import podman_settings

_ANSWER_SECONDS = 15


def find_engine(cache: Path) -> Engine:
    """Take the first engine that answers; nothing is ever installed here."""
    reasons = []
    for name in ("docker", "podman"):
        if shutil.which(name) is None:
            reasons.append(f"no {name} command")
            continue
        settings = podman_settings(cache) if name == "podman" else {}
        engine = Engine(name=name, command=(name,), settings=settings)
        try:
            answer = engine.attempt("info", timeout=_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            reasons.append(f"{name} does not answer within {_ANSWER_SECONDS} s")
            continue
        if answer.returncode == 0:
            return engine
        reasons.append(f"{name} does not work: {answer.stderr.strip()}")
    raise NoEngineError(
        f"no container engine: {'; '.join(reasons)} (on Debian as root: "
        "bash tools/container_engine/install_debian.sh)"
    )
