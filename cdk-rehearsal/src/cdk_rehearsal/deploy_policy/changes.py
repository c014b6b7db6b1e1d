"""What a change of an app needs more and less, as a Markdown table for a pull request."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator

from cdk_rehearsal.deploy_policy.least import Document

_HEAD = "| | actions | on | condition |\n|---|---|---|---|"
_NOTHING = "The deploy needs the same permissions as before."


def table_of_changes(before: Iterable[Document], after: Iterable[Document]) -> Iterator[str]:
    """Yield the lines of a table of permissions that only one of the two policies has."""
    old, new = _permissions(before), _permissions(after)
    rows = [*_rows("more", new - old), *_rows("less", old - new)]
    yield _HEAD if rows else _NOTHING
    yield from rows


def _permissions(documents: Iterable[Document]) -> set[tuple[str, str, str]]:
    """Return each action with its resource and its condition."""
    return {
        (action, resource, json.dumps(statement.get("Condition", {}), sort_keys=True))
        for document in documents
        for statement in document["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def _rows(what: str, permissions: set[tuple[str, str, str]]) -> Iterator[str]:
    by_resource = defaultdict(list)
    for action, resource, condition in sorted(permissions):
        by_resource[resource, condition].append(action)
    for (resource, condition), actions in sorted(by_resource.items()):
        named = "<br>".join(f"`{action}`" for action in actions)
        yield f"| {what} | {named} | `{resource}` | {_in_words(condition)} |"


def _in_words(condition: str) -> str:
    operands = json.loads(condition).values()
    return ", ".join(f"`{name}` is `{value}`" for each in operands for name, value in each.items())
