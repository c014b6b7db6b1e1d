"""Reports what this package replaces in MiniStack, and what a new version of MiniStack changes.

`python -m cdk_rehearsal.server --replacements` prints every replacement, and which replaced or used
names of MiniStack have changed or are gone since the last `--replacements accept`, which records
them. The record is names.json: a fingerprint of the source
of each function of MiniStack's modules that this package replaces or uses.
"""

import argparse
import ast
import hashlib
import inspect
import json
import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from cdk_rehearsal.environment import keep_only
from cdk_rehearsal.ministack.replacements import Replacements, load
from cdk_rehearsal.scratch import ScratchDirectory

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
    with ScratchDirectory("local-aws") as scratch:
        # On import MiniStack makes folders, looks for a container engine, and reads variables of
        # the shell that switch services off.
        keep_only()
        os.environ |= {
            "HOME": str(scratch.path),
            "STATE_DIR": f"{scratch.path}/state",
            "S3_DATA_DIR": f"{scratch.path}/s3",
            "DOCKER_HOST": f"unix://{scratch.path}/no-engine",
            "LOG_LEVEL": "WARNING",
        }
        replacements = load(with_engine=True)
    names = _names(replacements)
    now = {name: _fingerprint(value) for name, (value, _) in names.items()}
    if action == "accept":
        record = {"ministack": version("ministack"), "names": dict(sorted(now.items()))}
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return 0
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    uses = {name: use for name, (_, use) in names.items()}
    found = [*replacements.problems(), *differences(recorded, now, uses)]
    print("\n".join([report(replacements), *found]), flush=True)
    return 1 if found else 0


def report(replacements: Replacements) -> str:
    """Describe every replacement: its names, its function, and the reason."""
    lines = []
    entries = list(replacements)
    for entry in entries:
        names = " and ".join(str(name).removeprefix(_PREFIX) for name in entry.names)
        lines.append(f"{names}  <-  {entry.where}")
        lines.append(f"    {'added: ' if entry.adds else ''}{entry.why}")
    added = sum(entry.adds for entry in entries)
    replaced = len(entries) - added
    lines.append(f"\nMiniStack {version('ministack')}: {replaced} replaced, {added} added.")
    return "\n".join(lines)


def differences(recorded: dict[str, Any], now: dict[str, str], uses: dict[str, str]) -> list[str]:
    """Return which names are gone or have changed, and what to do about each, one a line."""
    known, lines = recorded["names"], []
    for name in sorted(known.keys() | now.keys()):
        if name not in now:
            lines.append(f"{name} is recorded, but not used any more. Run {_COMMAND} accept")
        elif name not in known:
            lines.append(f"{name} is not recorded; {uses[name]} uses it. Run {_COMMAND} accept")
        elif now[name] != known[name]:
            verb = "is gone" if now[name] == _GONE else "has changed"
            lines.append(
                f"{name} {verb} since MiniStack {recorded['ministack']}. Check whether "
                f"{uses[name]} still fits, then run {_COMMAND} accept"
            )
    return lines


def _names(replacements: Replacements) -> dict[str, tuple[Any, str]]:
    """Return by name of MiniStack that this package replaces or uses its value, and who uses it."""
    used = {
        f"{module.__name__}.{name}": (getattr(module, name, _GONE), place)
        for place, module, name in used_names()
    }
    return used | {
        str(name): (name.value(), str(entry))
        for entry in replacements
        if not entry.adds
        for name in entry.names
    }


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


def used_names() -> Iterator[tuple[str, ModuleType, str]]:
    """Yield each name of a module of MiniStack that this package reads, with the file and line."""
    for path in sorted(_PACKAGE.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        modules = {
            alias.asname or alias.name: module
            for node in nodes
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(_PREFIX)
            for alias in node.names
            if isinstance(
                module := getattr(import_module(str(node.module)), alias.name), ModuleType
            )
        }
        for node in nodes:
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in modules
            ):
                yield (
                    f"{path.relative_to(_PACKAGE)}:{node.lineno}",
                    modules[node.value.id],
                    node.attr,
                )
