"""Plain tables, for 100 columns."""

import textwrap
from collections.abc import Iterator, Sequence

WIDTH = 100


def dollars(amount: float | None) -> str:
    """Return an amount with cents."""
    return "unknown" if amount is None else f"${amount:,.2f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, without a head if it is blank; amounts stand to the right."""
    lines = [head, *rows] if any(head) else [*rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    amounts = [
        all(row[column].startswith(("$", "unknown")) for row in rows) and bool(rows)
        for column in range(len(head))
    ]
    for line in lines:
        cells = (
            f"{cell:>{width}}" if amount else f"{cell:<{width}}"
            for cell, width, amount in zip(line, widths, amounts, strict=True)
        )
        yield f"  {'  '.join(cells)}".rstrip()


def paragraph(text: str) -> Iterator[str]:
    """Yield the lines of prose; names and addresses stay in one piece."""
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
