"""Names of AWS resources, by the rules of the service that each belongs to."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator

from .credentials import has_credential
from .problems import UnfitError

_LONGEST_STACK_NAME = 128
_LONGEST_STACK_SUFFIX = len("BackendServiceStack")
_LONGEST_PREFIX = _LONGEST_STACK_NAME - _LONGEST_STACK_SUFFIX
_CLASSIC_TOKEN = re.compile(r"[0-9a-f]{40}")  # the oldest kind of GitHub token


def _matching(pattern: str, expected: str, longest: int) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if len(text) > longest or not compiled.fullmatch(text):
            raise UnfitError(f"expected {expected}")
        return text

    return check


def _secret_name(text: str) -> str:
    # Whoever pastes the token itself should hear so, and not read it in the report.
    if (
        has_credential(text)
        or _CLASSIC_TOKEN.fullmatch(text)
        or not re.fullmatch(r"[A-Za-z0-9/_+=.@-]{1,512}", text)
    ):
        raise UnfitError("expected the name of a secret in Secrets Manager, not the token itself")
    return text


def _email(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._%+'-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}", text):
        raise UnfitError("expected one e-mail address")
    return text


StackPrefix = Annotated[
    str,
    AfterValidator(
        _matching(
            r"(?:[A-Za-z][A-Za-z0-9-]*)?",
            "nothing, or a letter followed by letters, digits and hyphens, "
            f"at most {_LONGEST_PREFIX} in all",
            _LONGEST_PREFIX,
        )
    ),
]
EcsName = Annotated[
    str,
    AfterValidator(
        _matching(r"[A-Za-z0-9_-]+", "letters, digits, hyphens and underscores, at most 255", 255)
    ),
]
EcrRepositoryName = Annotated[
    str,
    AfterValidator(
        _matching(
            r"(?=.{2})[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*",
            "2 to 256 lower-case letters and digits, with single . _ - / between them",
            256,
        )
    ),
]
NamespaceId = Annotated[
    str, AfterValidator(_matching(r"ns-[a-z0-9]+", "the id of a namespace, such as ns-abc123", 64))
]
VpcId = Annotated[
    str, AfterValidator(_matching(r"vpc-[0-9a-z]+", "the id of a VPC, such as vpc-0abc123", 64))
]
SubnetId = Annotated[
    str,
    AfterValidator(_matching(r"subnet-[0-9a-z]+", "ids of subnets, such as subnet-0abc123", 64)),
]
VpcName = Annotated[
    str,
    AfterValidator(_matching(r"[^*?]+", "the Name tag of one VPC, without wildcards", 256)),
]
SecretName = Annotated[str, AfterValidator(_secret_name)]
EmailAddress = Annotated[str, AfterValidator(_email)]
