"""The ledger of a rehearsal for people: who made which calls, and which statement allowed them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

_COLUMN = 36


def lines_of_access(
    ledger: Mapping[str, Any],
    before: Mapping[str, Any],
    roles: Iterable[str],
    execution_roles: Iterable[str] = (),
) -> Iterator[str]:
    """Yield a line for each user and role, and below it one for each statement that it used.

    The ledgers are from `Access.ledger`, at the end and at the beginning. ``roles`` are the names
    of roles of which the reader wants to know if they made no call. Of CloudFormation's
    ``execution_roles`` (ARNs), which need hundreds of permissions, there is one line.
    """
    uses = _uses(ledger) - _uses(before)
    executing = {arn.rpartition("/")[2] for arn in execution_roles}
    for principal, keys in groupby(sorted(uses), key=lambda key: key[0]):
        if principal in executing:
            needed = len({action for _, action, _ in keys})
            yield f"{principal}: {needed} actions for CloudFormation; see deploy-policy"
            continue
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
