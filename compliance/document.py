"""The generated parts of docs/compliance.md."""

from collections.abc import Iterable, Mapping

from documents.generated_part import GeneratedPart

from compliance.acknowledgement import Acknowledgement

Counts = Mapping[str, Mapping[str, int]]
"""How many findings, by topology and tool."""


def part(name: str) -> GeneratedPart:
    """Return a generated part of docs/compliance.md."""
    return GeneratedPart("compliance.md", name)


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


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")
