"""Names on GitHub: owners, repositories, branches."""

import re
from typing import Annotated

from pydantic import AfterValidator

from .problems import UnfitError

_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,37}[A-Za-z0-9])?")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}")
# git-check-ref-format(1), without what only a ref of another kind may have.
_BRANCH = re.compile(r"[!-~]{1,244}")
_NOT_IN_BRANCH = re.compile(
    r"[~^:?*\[\]{}\\\"'$`,;|&<>()!#]|\.\.|//|/\.|\.lock(?:/|$)|^[-/.@]|[/.]$"
)


def _owner(text: str) -> str:
    if not _OWNER.fullmatch(text):
        raise UnfitError("expected the user or organisation alone, such as aws-samples")
    return text


def _repository(text: str) -> str:
    if not _REPOSITORY.fullmatch(text) or text in {".", ".."} or text.endswith(".git"):
        raise UnfitError("expected the repository's name alone, with no owner, URL or .git")
    return text


def _branch(text: str) -> str:
    if not _BRANCH.fullmatch(text) or _NOT_IN_BRANCH.search(text):
        raise UnfitError("expected the name of one branch, such as main or release/1.2")
    return text


Owner = Annotated[str, AfterValidator(_owner)]
Repository = Annotated[str, AfterValidator(_repository)]
Branch = Annotated[str, AfterValidator(_branch)]
