"""What the rehearsal insists on."""

from collections.abc import Collection
from typing import Any


class RehearsalError(Exception):
    """The rehearsal found something that is not as it should be; the message says what."""


def expect(what: str, actual: Any, expected: Any) -> None:
    """Raise ``RehearsalError`` unless the two are equal."""
    if actual != expected:
        raise RehearsalError(f"{what}: expected {expected!r}, found {actual!r}")


def expect_all(what: str, actual: Collection[Any], expected: Collection[Any]) -> None:
    """Raise ``RehearsalError`` unless both hold the same things, in whatever order."""
    expect(what, sorted(actual), sorted(expected))


def expect_true(what: str, *, holds: bool) -> None:
    """Raise ``RehearsalError`` unless the condition holds."""
    if not holds:
        raise RehearsalError(f"{what}: it is not so")
