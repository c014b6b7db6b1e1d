"""Placeholders: the `<...>` that sample.env asks its reader to replace."""

import re

# A shell command may contain "<file" and ">file", a greeting may contain "<b>"; so inside a
# longer text only capitals count.
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_ -]*>")
_NOTHING_ELSE = re.compile(r"<[^<>]*>")


def has_placeholder(text: str) -> bool:
    """Tell whether a part of the text is still to be filled in."""
    return bool(_PLACEHOLDER.search(text) or _NOTHING_ELSE.fullmatch(text))
