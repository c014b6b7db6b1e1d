"""The ledger of a rehearsal for people: who made which calls, and which statement allowed them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_COLUMN = 36


def lines_of_access(ledger: Mapping[str, Any], roles: Iterable[str]) -> Iterator[str]:
    """Yield a line for each user and role, and below it one for each statement that it used.

    ``ledger`` is from `Access.ledger`. ``roles`` are the names of roles of which the reader wants
    to know if they made no call.
    """
    times: dict[str, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for use in ledger["uses"]:
        on = ", ".join(use["resources"])
        statement = f"{use['policy']}: {use['granted']}" + (f" on {on}" if on else "")
        times[use["principal"]][use["action"], statement] += use["times"]
    for principal in sorted(times):
        yield principal
        for (action, statement), count in sorted(times[principal].items()):
            yield f"  {count:>3}  {action:<{_COLUMN}}  {statement}"
    for refusal in ledger["refusals"]:
        yield (
            f"refused: {refusal['action']} on {refusal['resource']} of {refusal['principal']}:"
            f" {refusal['reason']}"
        )
    if idle := sorted(set(roles) - times.keys()):
        yield f"no call: {', '.join(idle)}"
