"""The container engine that the builds use, written down for the processes that they start."""

import json
from pathlib import Path

from rehearsal.container_engine import Engine

_NAME = "engine.json"


def write_engine(folder: Path, engine: Engine) -> None:
    """Use this engine for the builds whose state is in the folder.

    With it is written what it has of the user's environment, which a build does not see.
    """
    content = {
        "name": engine.name,
        "command": engine.command,
        "settings": engine.environment,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _NAME).write_text(json.dumps(content), encoding="utf-8")


def read_engine(folder: Path) -> Engine | None:
    """Return the engine to use; None if the builds do without."""
    file = folder / _NAME
    if not file.exists():
        return None
    content = json.loads(file.read_text("utf-8"))
    return Engine(
        name=content["name"], command=tuple(content["command"]), settings=content["settings"]
    )
