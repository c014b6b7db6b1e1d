"""The core infrastructure that the core stack creates."""

from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo, field_validator

from core_infra.names import namespace_name

from .dns_name import DnsLabel, NamespaceLabels
from .group import SettingsGroup
from .item_list import distinct_items
from .network_block import VpcCidr, require_room_for_subnets
from .place import availability_zone
from .problems import UnfitError
from .whole_number import LogRetentionDays, ZoneCount
from .yes_no import YesNo


class CoreSettings(SettingsGroup):
    """What the core stack is made of.

    An empty `availability_zones` means the first `az_count` zones that AWS lists; otherwise it
    has exactly `az_count` zones. `namespaces` are short names, see `namespace_names`.
    """

    az_count: ZoneCount
    availability_zones: Annotated[tuple[str, ...], BeforeValidator(distinct_items)]
    vpc_cidr: VpcCidr
    enable_nat_gw: YesNo
    ecs_cluster_name: DnsLabel
    namespaces: NamespaceLabels
    log_retention_days: LogRetentionDays

    @property
    def namespace_names(self) -> tuple[str, ...]:
        """The full names of the namespaces, in the order of `namespaces`."""
        return tuple(namespace_name(label, self.ecs_cluster_name) for label in self.namespaces)

    @field_validator("availability_zones")
    @classmethod
    def _are_zones_of_the_region(
        cls, zones: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        for zone in zones:
            availability_zone(zone, info)
        az_count = info.data.get("az_count")
        if zones and az_count not in (None, len(zones)):
            raise UnfitError(f'expected {az_count} zones, as az_count="{az_count}" says, or none')
        return zones

    @field_validator("vpc_cidr")
    @classmethod
    def _has_room_for_the_subnets(cls, cidr: str, info: ValidationInfo) -> str:
        if "az_count" in info.data:
            require_room_for_subnets(cidr, info.data["az_count"])
        return cidr
