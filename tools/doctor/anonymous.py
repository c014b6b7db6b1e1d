"""Takes out of a text what tells whose account it is from, so that it can be shown to everybody."""

import re
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from settings import Settings
from settings.model import DEFAULTS

_FORMS = {
    "URL": r"https?://\S+",
    "ARN": r"arn:aws[\w-]*:\S+",
    "e-mail": r"[\w.+-]+@[\w-]+\.[\w.-]+",
    "IP": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    "host": r"\b(?:[a-z0-9-]+\.)+[a-z]{2,}\b",
    "key": r"\b(?:A[A-Z]IA|AROA|AIDA)[A-Z0-9]{12,}\b",
    # Of images and executions, and such as subnet-0123456789abcdef0 and Z0123456789ABCDEFGHIJ.
    "id": r"\b(?:[0-9a-f]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?:(?:[a-z]+-)+|Z)(?=[a-z]*\d)[0-9a-z]{8,})\b",
    "account": r"\b\d{12}\b",
}
"""What is replaced by the word in angle brackets, in this order: an ARN has an account in it."""
_SHORTEST_NAME = 3  # shorter ones are in many texts, too


def without_names(text: str, settings: Settings) -> str:
    """Replace addresses, ids, and every text that the settings have; a region stays."""
    for word, form in _FORMS.items():
        text = re.sub(form, f"<{word}>", text, flags=re.IGNORECASE)
    names = {settings.core_stack_name, settings.service_stack_name, *_texts(settings)}
    # The text of a default is in everybody's settings.
    for name in sorted(names - {settings.aws_region, *DEFAULTS.values()}, key=len, reverse=True):
        if len(name) >= _SHORTEST_NAME:
            own = rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])"
            text = re.sub(own, "<name>", text, flags=re.IGNORECASE)
    return text


def _texts(value: object) -> Iterator[str]:
    """Yield the texts that are values of the settings, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        yield from _texts(vars(value))
    elif isinstance(value, Mapping):
        yield from _texts(tuple(value.values()))
    elif isinstance(value, (list, tuple, frozenset)):
        for each in value:
            yield from _texts(each)
