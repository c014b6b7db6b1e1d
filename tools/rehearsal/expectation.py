"""What the rehearsal insists on, at once or within a time."""

import time
from collections.abc import Callable, Collection
from typing import Any

_POLL_SECONDS = 0.1


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


def wait_until(what: str, holds: Callable[[], bool], seconds: float) -> float:
    """Wait until something holds, and return how long it took; ``RehearsalError`` if too long."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise RehearsalError(f"{what}: not within {seconds:g} s")
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - began
