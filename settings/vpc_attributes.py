"""A VPC as the outputs of an earlier deploy describe it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VpcAttributes:
    """Everything that is needed to use a VPC without looking it up.

    The three tuples have the same length and order: one public and one private subnet per zone.
    """

    vpc_id: str
    vpc_cidr: str
    availability_zones: tuple[str, ...]
    public_subnet_ids: tuple[str, ...]
    private_subnet_ids: tuple[str, ...]
