"""The container engine that the builds use, written down for the processes that they start."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from rehearsal.container_engine import Engine

_NAME = "engine.json"
# What an engine may need of the user's environment, which a build does not see.
_OF_THE_USER = ("HOME", "PATH", "XDG_RUNTIME_DIR")
_PREFIXES = ("DOCKER_", "CONTAINER", "BUILDX_", "HTTP", "NO_PROXY", "http", "no_proxy")


def write_engine(folder: Path, engine: Engine, labels: Mapping[str, str]) -> None:
    """Use this engine for the builds whose state is in the folder; pushed images are labelled."""
    wanted = {
        name: value
        for name, value in os.environ.items()
        if name in _OF_THE_USER or name.startswith(_PREFIXES)
    }
    content = {
        "labels": dict(labels),
        "name": engine.name,
        "command": engine.command,
        # Not the build's temporary directory: where podman keeps its state may depend on that.
        "settings": wanted | {"TMPDIR": os.environ.get("TMPDIR", "")} | dict(engine.settings),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _NAME).write_text(json.dumps(content), encoding="utf-8")


def read_engine(folder: Path) -> tuple[Engine, dict[str, str]] | None:
    """Return the engine to use, and the labels; None if the builds do without."""
    file = folder / _NAME
    if not file.exists():
        return None
    content = json.loads(file.read_text("utf-8"))
    engine = Engine(
        name=content["name"], command=tuple(content["command"]), settings=content["settings"]
    )
    return engine, content["labels"]
