"""Values as a settings file writes them, whatever they mean: booleans, numbers, lists."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WrapValidator

from .redaction import shown_item
from .report import InvalidValueError

# A shell command may contain "<file" and ">file", a greeting may contain "<b>", so inside a longer
# text only capitals make a placeholder.
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_ -]*>")
_PLACEHOLDER_ALONE = re.compile(r"<[^<>]*>")
# CDK and CloudFormation replace these references with something that the file does not say, or
# refuse the template (cfn-lint E1029).
_REFERENCES = ("${", "{{resolve:")


def has_placeholder(text: str) -> bool:
    """Tell whether a ``<...>`` that the user should replace is still in the text."""
    return bool(_PLACEHOLDER.search(text) or _PLACEHOLDER_ALONE.fullmatch(text))


def require_usable(text: str, where_needed: str = "") -> None:
    """Raise an error if no key accepts the text. ``where_needed`` ends the advice to fill it in."""
    if has_placeholder(text):
        raise InvalidValueError(f"is still a placeholder; fill it in{where_needed}")
    if not text.isprintable():
        raise InvalidValueError("contains a non-printable character; retype the value")
    if mark := next((mark for mark in _REFERENCES if mark in text), None):
        instead = "write $NAME" if mark == "${" else "leave it out"
        raise InvalidValueError(f"for CDK and CloudFormation {mark} begins a reference; {instead}")


def as_bool(value: object) -> bool:
    """Return what ``True`` or ``False`` means, in any case; refuse everything else."""
    meant = {"true": True, "false": False}.get(str(value).lower())
    if meant is None:
        raise InvalidValueError("expected True or False")
    return meant


def whole_number(low: int, high: int, unit: str = "") -> BeforeValidator:
    """Return a parser of whole numbers from ``low`` to ``high``."""

    def parse(value: object) -> int:
        text = str(value)
        # int() alone would also accept "1_000", "+5" and digits of other scripts.
        if re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high:
            return int(text)
        raise InvalidValueError(f"expected a whole number from {low} to {high}{unit}")

    return BeforeValidator(parse)


def matching(pattern: str, expected: str, longest: int) -> AfterValidator:
    """Return a check that a text of at most ``longest`` characters matches the whole pattern."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if len(text) > longest or not compiled.fullmatch(text):
            raise InvalidValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


def items_of(text: str) -> tuple[str, ...]:
    """Split the text at its commas and trim the items; an empty text has none."""
    return tuple(item.strip() for item in text.split(",")) if text.strip() else ()


def distinct_items(text: object) -> tuple[str, ...]:
    """Split the text as ``items_of`` does; refuse an empty and a repeated item."""
    items = items_of(str(text))
    if "" in items:
        raise InvalidValueError("has an empty item; expected names with single commas between them")
    for position, item in enumerate(items):
        if item in items[:position]:
            raise InvalidValueError(f"{shown_item(item)} appears twice; keep one")
    return items


Bool = Annotated[bool, BeforeValidator(as_bool)]
Items = BeforeValidator(distinct_items)
NoneIfEmpty = BeforeValidator(lambda value: None if value == "" else value)
EmptyIfNone = WrapValidator(lambda value, check: "" if value is None else check(value))
