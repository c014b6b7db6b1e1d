"""ARNs: their form, and that they belong to the place of the deployment."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from .place import Place
from .problems import UnfitError

_PARTS = 6  # arn, partition, service, region, account, resource
_SERVICE_WIDE = frozenset({"iam"})


def require_arn(
    text: str, place: Place, *, services: tuple[str, ...], resource: str, expected: str
) -> str:
    """Return the ARN if it names such a resource in this place, or raise `UnfitError`.

    `resource` is a regular expression for what follows the account; `expected` says in words what
    the ARN should be of. The messages tell parts of the ARN only once its form is right, so that
    a secret pasted in its stead is not repeated.
    """
    parts = text.split(":", _PARTS - 1)
    if (
        len(parts) != _PARTS
        or parts[0] != "arn"
        or parts[2] not in services
        or not re.fullmatch(r"aws(?:-[a-z]+)*", parts[1])
        or not re.fullmatch(r"[0-9]{12}", parts[4])
        or not re.fullmatch(resource, parts[5])
    ):
        raise UnfitError(f"expected {expected}")
    _, partition, service, region, account, _ = parts
    wrong = []
    if place.account_number not in (None, account):
        wrong.append(f"account {account}, but account_number is {place.account_number}")
    if service in _SERVICE_WIDE:
        if region:
            raise UnfitError(f"expected {expected}")
    elif place.aws_region not in (None, region):
        # No word of a region of the wrong form: it could be anything.
        named = (
            f"region {region}" if re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]", region) else "no region"
        )
        wrong.append(f"{named}, but aws_region is {place.aws_region}")
    if place.partition not in (None, partition) and not wrong:
        wrong.append(f"partition {partition}, but aws_region is in {place.partition}")
    if wrong:
        raise UnfitError(f"this ARN is of {', and of '.join(wrong)}")
    return text


def _arn_of(*services: str, resource: str, expected: str) -> Callable[[str, ValidationInfo], str]:
    def check(text: str, info: ValidationInfo) -> str:
        return require_arn(
            text, Place.of(info), services=services, resource=resource, expected=expected
        )

    return check


RoleArn = Annotated[
    str,
    AfterValidator(
        _arn_of(
            "iam",
            resource=r"role/(?:[!-.0-~]+/)*[A-Za-z0-9+=,.@_-]{1,64}",
            expected="the ARN of a role: arn:aws:iam::<account>:role/<name>",
        )
    ),
]

NamespaceArn = Annotated[
    str,
    AfterValidator(
        _arn_of(
            "servicediscovery",
            resource=r"namespace/ns-[a-z0-9]+",
            expected="the ARN of a Cloud Map namespace: "
            "arn:aws:servicediscovery:<region>:<account>:namespace/ns-<id>",
        )
    ),
]

ConnectionArn = Annotated[
    str,
    AfterValidator(
        _arn_of(
            "codeconnections",
            "codestar-connections",
            resource=r"connection/[A-Za-z0-9-]+",
            expected="the ARN of a connection: "
            "arn:aws:codeconnections:<region>:<account>:connection/<id>",
        )
    ),
]
