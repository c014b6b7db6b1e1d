"""The generated parts of docs/compliance.md."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from compliance.acknowledgement import Acknowledgement

PATH = Path(__file__).resolve().parents[1] / "docs/compliance.md"
Counts = Mapping[str, Mapping[str, int]]
"""How many findings, by topology and tool."""


def acknowledgements_table(table: Iterable[Acknowledgement]) -> str:
    """Return the table of what stays, and why."""
    rows = ["| rule | resource (below its stack) | why it stays |", "|---|---|---|"]
    for entry in table:
        rules = [_code(rule) for rule in entry.rules]
        details = [_code(detail) for detail in entry.details if detail]
        what = "<br>".join([*rules, *(f"· {detail}" for detail in details)])
        where = "<br>".join(_code(construct) for construct in entry.constructs)
        rows.append(f"| {what} | {where} | {entry.reason} |")
    return "\n".join(rows)


def counts_table(counts: Counts) -> str:
    """Return the table of findings by topology: found, and left after acknowledgement."""
    tools = sorted({tool for of_topology in counts.values() for tool in of_topology})
    rows = [f"| topology | {' | '.join(tools)} |", f"|---|{'---|' * len(tools)}"]
    for topology, of_topology in counts.items():
        cells = (f"{of_topology.get(tool, 0)} → 0" for tool in tools)
        rows.append(f"| {topology} | {' | '.join(cells)} |")
    return "\n".join(rows)


def read_part(name: str) -> str:
    """Return a generated part of the document as it is on disk."""
    found = _part(name).search(PATH.read_text("utf-8"))
    if not found:
        raise ValueError(f"{PATH.name} has no part {name}")
    return found["text"]


def write_part(name: str, text: str) -> None:
    """Replace a generated part of the document."""
    read_part(name)
    document = PATH.read_text("utf-8")
    PATH.write_text(
        _part(name).sub(lambda found: found["begin"] + text + found["end"], document), "utf-8"
    )


def _part(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<begin><!-- generated: {name} -->\n)(?P<text>.*?)(?P<end>\n?<!-- end -->)", re.DOTALL
    )


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")
