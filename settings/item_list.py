"""Comma-separated lists."""

from .credentials import showable_item
from .problems import UnfitError


def items_of(text: str) -> tuple[str, ...]:
    """Split the text at its commas and trim the items; an empty text has none."""
    return tuple(item.strip() for item in text.split(",")) if text.strip() else ()


def distinct_items(text: str) -> tuple[str, ...]:
    """Split the text as `items_of` does; raise `UnfitError` if an item is empty or repeated."""
    items = items_of(text)
    if "" in items:
        raise UnfitError("has an empty item; expected names with single commas between them")
    seen: set[str] = set()
    for item in items:
        if item in seen:
            raise UnfitError(f"{showable_item(item)} is there twice; expected each name once")
        seen.add(item)
    return items
