"""Reads the texts in the values of requests and templates, at any depth."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NOTHING = re.compile(r"(?!)")


def texts(
    value: Any, *, skipped: re.Pattern[str] = _NOTHING, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each text with the keys that lead to it; lists count as no level.

    What is under a key that ``skipped`` matches as a whole is left out.
    """
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not skipped.fullmatch(str(key)):
                yield from texts(item, skipped=skipped, path=(*path, str(key)))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, skipped=skipped, path=path)
