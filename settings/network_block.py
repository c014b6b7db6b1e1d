"""The address block of a VPC and its subnets."""

import ipaddress
import math
import re
from typing import Annotated

from pydantic import AfterValidator

from .problems import UnfitError

_SUBNETS_PER_ZONE = 2  # one public, one private
_LARGEST_VPC = 16
_SMALLEST_SUBNET = 28  # the limit of Amazon VPC, as for the VPC itself


def _vpc_cidr(text: str) -> str:
    expected = "expected an IPv4 block such as 10.0.0.0/16, from /16 to /28"
    # ip_network also takes netmasks and lone addresses.
    if not re.fullmatch(r"[0-9.]+/[0-9]{1,2}", text):
        raise UnfitError(expected)
    try:
        block = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise UnfitError(expected) from None
    if not _LARGEST_VPC <= block.prefixlen <= _SMALLEST_SUBNET:
        raise UnfitError(expected)
    if text.partition("/")[0] != str(block.network_address):
        raise UnfitError(f"the address has host bits set; expected {block}")
    first = block.network_address
    if first.is_loopback or first.is_link_local or first.is_multicast or first.is_reserved:
        raise UnfitError("EC2 allows no VPC in this range; expected one such as 10.0.0.0/16")
    if int(first) >> 24 == 0:
        raise UnfitError("EC2 allows no VPC in this range; expected one such as 10.0.0.0/16")
    return text


def require_room_for_subnets(cidr: str, az_count: int) -> None:
    """Raise `UnfitError` unless every zone gets a public and a private subnet of at least /28.

    CDK cuts the block into equal subnets whose size is a power of two.
    """
    subnets = _SUBNETS_PER_ZONE * az_count
    largest_prefix = _SMALLEST_SUBNET - math.ceil(math.log2(subnets))
    if int(cidr.partition("/")[2]) > largest_prefix:
        raise UnfitError(
            f'too small for the {subnets} subnets of az_count="{az_count}", each at least '
            f"/{_SMALLEST_SUBNET}; expected /{largest_prefix} or larger"
        )


VpcCidr = Annotated[str, AfterValidator(_vpc_cidr)]
