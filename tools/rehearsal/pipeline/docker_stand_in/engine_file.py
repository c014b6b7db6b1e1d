"""The container engine that the builds use, written down for the processes that they start."""

import json
from collections.abc import Mapping
from pathlib import Path

from tools.container_engine import Engine

_NAME = "engine.json"


def write_engine(folder: Path, engine: Engine, labels: Mapping[str, str]) -> None:
    """Use this engine for the builds whose state is in the folder; pushed images are labelled.

    With it is written what it has of the user's environment, which a build does not see: also its
    temporary directory, since where podman keeps its state may depend on that.
    """
    content = {
        "labels": dict(labels),
        "name": engine.name,
        "command": engine.command,
        "settings": {"TMPDIR": ""} | engine.environment,
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
