"""The files of a deploy policy: documents, a page with the reasons, and a table of changes."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cdk_rehearsal.deploy_policy.least import (
    POLICIES_OF_A_ROLE,
    DeployPolicy,
    Document,
    Granted,
    size,
)
from cdk_rehearsal.expectation import RehearsalError

REASONS, CHANGES = "reasons.md", "changes.md"
_DOCUMENT = "policy-{}.json"
_HEAD = "| | actions | on | condition |\n|---|---|---|---|"
_TITLE = "# The least policy of CloudFormation's execution role"
_NOTHING = "The deploy needs the same permissions as before."


def require_own(folder: Path) -> None:
    """Insist that a folder is new, empty, or one that `write` has written; ``RehearsalError`` else.

    `write` replaces and removes files by their names, so these must not be somebody else's.
    """
    reasons = folder / REASONS
    is_own = reasons.is_file() and reasons.read_bytes().startswith(_TITLE.encode())
    if folder.exists() and not is_own and (not folder.is_dir() or any(folder.iterdir())):
        raise RehearsalError(
            f"{folder} has files that this command did not write: name a new or an empty folder"
        )


def write(policy: DeployPolicy, others: Mapping[str, Document], folder: Path) -> list[Path]:
    """Write the documents and the reasons into a folder, and return the files of the documents.

    ``others`` are documents for the boundary, the CLI and so on, by name. ``RehearsalError`` if
    the folder has other files.
    """
    require_own(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # First, since this file tells that the folder is ours, also after an interruption.
    page = "\n".join(_page(policy, others)) + "\n"
    (folder / REASONS).write_text(page, encoding="utf-8")
    for old in folder.glob(_DOCUMENT.format("*")):
        old.unlink()
    files = [folder / _DOCUMENT.format(number) for number, _ in enumerate(policy.documents, 1)]
    contents = dict(zip(files, policy.documents, strict=True))
    contents |= {folder / f"{name}.json": document for name, document in others.items()}
    for file, document in contents.items():
        file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return files


def write_changes(before: Iterable[Document], after: DeployPolicy, folder: Path) -> str:
    """Write the table of what is needed more and less than before, and return it."""
    table = "\n".join(table_of_changes(before, after.documents))
    (folder / CHANGES).write_text(table + "\n", encoding="utf-8")
    return table


def read_documents(folder: Path) -> list[Document]:
    """Return the documents of a folder that `write` has written."""
    return [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob(_DOCUMENT.format("*")))
    ]


def _page(policy: DeployPolicy, others: Mapping[str, Document]) -> Iterator[str]:
    sizes = ", ".join(str(size(document)) for document in policy.documents)
    yield f"{_TITLE}\n"
    yield (
        f"{len(policy.granted)} statements in {len(policy.documents)} managed policies of {sizes}"
        f" characters."
    )
    yield "".join(f" {name}.json has {size(document)}." for name, document in others.items())
    if len(policy.documents) > POLICIES_OF_A_ROLE:
        yield f"A role has at most {POLICIES_OF_A_ROLE} policies: raise this quota of IAM."
    yield "\n| statement | actions | on | needed for | why a wildcard |\n|---|---|---|---|---|"
    for each in policy.granted:
        on = ", ".join(f"`{resource}`" for resource in each.resources)
        yield (
            f"| {each.sid} | {len(each.content['Action'])} | {on} | {needed_for(each)}"
            f" | {each.reason()} |"
        )
    if policy.doubts:
        yield "\nWhat the registry's schemas say wrongly, or nobody says:\n"
        yield from (f"- {doubt}" for doubt in policy.doubts)


def needed_for(granted: Granted) -> str:
    """Return the types of resources and the operations that need a statement."""
    kinds: dict[str, set[str]] = {}
    for demand in granted.demands:
        for use in demand.uses:
            kinds.setdefault(use["type"], set()).add(use["operation"])
    order = ("create", "update", "delete")
    return "; ".join(
        f"{kind.removeprefix('AWS::')}: {', '.join(each for each in order if each in operations)}"
        for kind, operations in sorted(kinds.items())
    )


# --- What a change of an app needs more and less, for a pull request.


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
