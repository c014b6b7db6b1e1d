"""The ledger of a rehearsal for people: who made which calls, and which statement allowed them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

_COLUMN = 36


def lines_of_access(
    ledger: Mapping[str, Any], before: Mapping[str, Any], roles: Iterable[str]
) -> Iterator[str]:
    """Yield a line for each user and role, and below it one for each statement that it used.

    The ledgers are from `Access.ledger`, at the end and at the beginning. ``roles`` are the names
    of roles of which the reader wants to know if they made no call.
    """
    uses = _uses(ledger) - _uses(before)
    for principal, keys in groupby(sorted(uses), key=lambda key: key[0]):
        yield principal
        for key in keys:
            _, action, statement = key
            yield f"  {uses[key]:>3}  {action:<{_COLUMN}}  {statement}"
    for principal, action, resource, reason in sorted(_refusals(ledger) - _refusals(before)):
        yield f"refused: {action} on {resource} of {principal}: {reason}"
    if idle := sorted(set(roles) - {key[0] for key in uses}):
        yield f"no call: {', '.join(idle)}"


def _uses(ledger: Mapping[str, Any]) -> Counter[tuple[str, str, str]]:
    times: Counter[tuple[str, str, str]] = Counter()
    for use in ledger["uses"]:
        resources = f" on {', '.join(use['resources'])}" if use["resources"] else ""
        statement = f"{use['policy']}: {use['granted']}{resources}"
        times[use["principal"], use["action"], statement] += use["times"]
    return times


def _refusals(ledger: Mapping[str, Any]) -> Counter[tuple[str, str, str, str]]:
    parts = ("principal", "action", "resource", "reason")
    return Counter(
        {tuple(each[part] for part in parts): each["times"] for each in ledger["refusals"]}
    )
