"""What one command leaves for the next ones."""

import json
from pathlib import Path


class State:
    """Small tables, kept as files in ``folder``: ``logins`` by host and ``images`` by tag."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def known(self, table: str) -> dict[str, str]:
        """Return a table; an empty one if nothing was remembered."""
        file = self.folder / f"{table}.json"
        known: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return known

    def remember(self, table: str, key: str, value: str) -> None:
        """Add to a table, or replace what is there under the key."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{table}.json"
        file.write_text(json.dumps(self.known(table) | {key: value}), encoding="utf-8")
