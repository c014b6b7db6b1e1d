"""What the rehearsal insists on, at once or after a while."""

import time
from collections.abc import Callable, Collection
from typing import Any

from cdk_rehearsal.bounds import SETTLE_SECONDS

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 0.5


class RehearsalError(Exception):
    """The rehearsal found something that is not as it should be; the message says what."""


class UnmetExpectationError(RehearsalError):
    """A state that no step of a rehearsal explains; the message says what should be otherwise."""


def expect(what: str, actual: Any, expected: Any) -> None:
    """Raise ``RehearsalError`` unless the two are equal."""
    if actual != expected:
        raise UnmetExpectationError(f"{what}: this should be {expected!r}, and is {actual!r}")


def expect_all(what: str, actual: Collection[Any], expected: Collection[Any]) -> None:
    """Raise ``RehearsalError`` unless both hold the same elements, in any order."""
    expect(what, sorted(actual), sorted(expected))


def expect_true(what: str, *, holds: bool) -> None:
    """Raise ``RehearsalError`` unless the condition holds."""
    if not holds:
        raise UnmetExpectationError(f"this is false: {what}")


def wait_until(what: str, holds: Callable[[], bool], seconds: float = SETTLE_SECONDS) -> float:
    """Wait until a condition holds and return how long it took.

    Raises ``RehearsalError`` when it does not hold after the given seconds.
    """
    began, pause = time.monotonic(), _FIRST_PAUSE_SECONDS
    while not holds():
        if time.monotonic() - began > seconds:
            raise UnmetExpectationError(f"this is still false after {seconds:g} s: {what}")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    return time.monotonic() - began
