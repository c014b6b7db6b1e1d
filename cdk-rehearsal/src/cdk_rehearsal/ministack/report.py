"""Reports what this package replaces in MiniStack, and what a new version of MiniStack changes.

`python -m cdk_rehearsal.server --replacements` prints every replacement, and which replaced or used
names of MiniStack have changed or are gone since the last `--replacements accept`, which records
them. The record is names.json: a fingerprint of the source of each of these functions.
"""

import argparse
import ast
import hashlib
import inspect
import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from cdk_rehearsal.ministack.replacements import Replacements, load

RECORD = Path(__file__).with_name("names.json")
_PACKAGE = Path(__file__).parents[1]
_PREFIX = "ministack."
_GONE = "gone"
_COMMAND = "python -m cdk_rehearsal.server --replacements"


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog=_COMMAND)
    parser.add_argument("action", nargs="?", choices=("accept",))
    action = parser.parse_args(arguments).action
    replacements = load(with_engine=True)
    now = {name: _fingerprint(value) for name, value in _names(replacements).items()}
    if action == "accept":
        record = {"ministack": version("ministack"), "names": dict(sorted(now.items()))}
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return 0
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    known = recorded["names"]
    changed = sorted({name for name, _ in known.items() ^ now.items()})
    found = replacements.problems()
    if changed:
        found.append(
            f"These names are not as they were recorded of MiniStack {recorded['ministack']}. Check"
            f" whether what uses them still fits, then run {_COMMAND} accept:"
        )
    for name in changed:
        before, after = known.get(name, "not used"), now.get(name, "not used")
        found.append(f"  {name}: {before}, now {after}")
    print("\n".join([_report(replacements), *found]), flush=True)
    return 1 if found else 0


def _report(replacements: Replacements) -> str:
    """Describe every replacement: its names, its function, and the reason."""
    lines = []
    entries = list(replacements)
    for entry in entries:
        names = " and ".join(str(name).removeprefix(_PREFIX) for name in entry.names)
        lines.append(f"{names}  <-  {entry}")
        lines.append(f"    {'added: ' if entry.adds else ''}{entry.why}")
    added = sum(entry.adds for entry in entries)
    replaced = len(entries) - added
    lines.append(f"\nMiniStack {version('ministack')}: {replaced} replaced, {added} added.")
    return "\n".join(lines)


def _names(replacements: Replacements) -> dict[str, Any]:
    """Return the names of MiniStack that this package replaces or uses, with their values."""
    used = {f"{module.__name__}.{name}": getattr(module, name, _GONE) for module, name in _used()}
    replaced = [name for entry in replacements if not entry.adds for name in entry.names]
    return used | {str(name): name.value() for name in replaced}


def _fingerprint(value: Any) -> str:
    """Return a short hash of a function's source; for data, whose content changes, its type."""
    if isinstance(value, str) and value == _GONE:
        return _GONE
    # The functions of a resource type are a table.
    parts = value.values() if isinstance(value, dict) else [value]
    sources = [inspect.getsource(each) for each in parts if inspect.isroutine(each)]
    if inspect.isclass(value):
        sources = [inspect.getsource(value)]
    if not sources:
        return type(value).__name__
    return hashlib.sha256("".join(sources).encode()).hexdigest()[:12]


def _used() -> Iterator[tuple[ModuleType, str]]:
    """Yield each name of a module of MiniStack that this package reads."""
    for path in _PACKAGE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        imported = {
            alias.asname or alias.name: getattr(import_module(str(node.module)), alias.name)
            for node in nodes
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(_PREFIX)
            for alias in node.names
        }
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = imported.get(node.value.id)
                if isinstance(module, ModuleType):
                    yield module, node.attr
