"""The availability zones of the network that the core stack makes."""

from doctor.answer import Answer, ok, problem
from doctor.check import Case
from doctor.fargate_zones import has_fargate
from settings import CoreSettings


class Zones:
    """Whether there are `az_count` zones that Fargate serves, and whether they are those used."""

    what = "availability zones"

    def examine(self, case: Case) -> Answer:
        """Ask for the zones and tell the line for the settings file, unless it is there."""
        core, region = case.settings.core, case.settings.aws_region
        if core is None:
            raise TypeError("only a core stack has zones")
        zones = _available(case)
        served = [name for name, zone in zones.items() if has_fargate(region, zone)]
        if len(served) < core.az_count:
            return problem(
                f"{len(served)} with Fargate ({', '.join(served)}), az_count is {core.az_count}",
                f'set az_count="{len(served)}"',
            )
        # Zones of a deployed network come first: another order would replace its subnets.
        output = case.aws.stack_output(case.settings.core_stack_name, "AvailabilityZones")
        deployed = output.split(",") if output else []
        best = list(dict.fromkeys([*deployed, *served]))[: core.az_count]
        line = f'availability_zones="{",".join(best)}"'
        if flaw := _flaw(core, zones, served, deployed):
            return problem(flaw, f"set {line}")
        if core.availability_zones:
            return ok(", ".join(core.availability_zones))
        return ok(f"to keep them for good, set {line}")


def _available(case: Case) -> dict[str, str]:
    """Return the ids of the zones by name, in the order of the names."""
    filters = [{"Name": "zone-type", "Values": ["availability-zone"]}]
    found = case.aws.client("ec2").describe_availability_zones(Filters=filters)
    available = (zone for zone in found["AvailabilityZones"] if zone["State"] == "available")
    return dict(sorted((zone["ZoneName"], zone["ZoneId"]) for zone in available))


def _flaw(core: CoreSettings, zones: dict[str, str], served: list[str], deployed: list[str]) -> str:
    """Say what is wrong with the zones that will be used; empty if nothing is."""
    if missing := [name for name in core.availability_zones if name not in zones]:
        return f"the account has no {', '.join(missing)}"
    # Without names CloudFormation takes the first.
    used = list(core.availability_zones or zones)[: core.az_count]
    if any(there != wanted for there, wanted in zip(deployed, used, strict=False)):
        return f"{', '.join(used)} would replace subnets, which are in {', '.join(deployed)}"
    if without := [name for name in used if name not in served]:
        return f"Fargate does not serve {', '.join(f'{n} ({zones[n]})' for n in without)}"
    return ""
