"""The place: an AWS account and region, and what their names give away."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from .credentials import showable_item
from .problems import UnfitError

# A list of regions would be out of date soon; their form has never changed.
_REGION = re.compile(
    r"(?:[a-z]{2}|us-gov|us-iso[a-z]?|eu-iso[a-z]|eusc-[a-z]{2})"
    r"-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-[1-9]"
)
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything must be. A part is None while the file does not say it properly."""

    account_number: str | None = None
    aws_region: str | None = None

    @property
    def partition(self) -> str | None:
        """The partition that the region belongs to, the second part of every ARN in it."""
        if self.aws_region is None:
            return None
        for start, partition in _PARTITIONS.items():
            if self.aws_region.startswith(start):
                return partition
        return "aws"

    @classmethod
    def of(cls, info: ValidationInfo) -> "Place":
        """Return the place that a value is validated for."""
        return info.context if isinstance(info.context, cls) else cls()


def _account_number(text: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", text):
        raise UnfitError("expected the 12 digits of an AWS account")
    return text


def _aws_region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise UnfitError("no AWS region has such a name; expected one like eu-central-1")
    return text


def availability_zone(name: str, info: ValidationInfo) -> str:
    """Check the name of a zone of the region (not of a local or wavelength zone)."""
    region = Place.of(info).aws_region
    if region is not None and not re.fullmatch(re.escape(region) + "[a-z]", name):
        raise UnfitError(
            f"{showable_item(name)} is no zone of {region}; expected one like {region}a"
        )
    return name


AccountNumber = Annotated[str, AfterValidator(_account_number)]
AwsRegion = Annotated[str, AfterValidator(_aws_region)]
