"""Fill the drawings in. README.md beside this file explains what a drawing consists of."""

import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from settings import DeliverySettings, Settings

ET.register_namespace("", "http://www.w3.org/2000/svg")
_WIDTHS = {"stack": 8.8, "title": 7.4, "small": 6.3}
"""How wide a character is on average, in pixels, for each class of text."""


def pictures_of(
    deployment: Sequence[Settings], templates: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield for each service its stack, and the names and the texts of its pictures."""
    for settings in deployment:
        values = _values(settings, deployment, templates)
        for drawing in sorted(Path(__file__).parent.glob("*.svg")):
            root = ET.parse(drawing).getroot()  # noqa: S314 - a file of this folder
            _fill(root, values)
            text = ET.tostring(root, encoding="unicode")
            yield settings.service_stack_name, drawing.name, f"{text}\n"


def _fill(parent: ET.Element, values: Mapping[str, Any]) -> None:
    """Write values into the blanks, and remove each group whose condition is not met."""
    for child in list(parent):
        for name in child.attrib.pop("data-show", "").split():
            if bool(values.get(name.removeprefix("!"))) == name.startswith("!"):
                parent.remove(child)
                break
        else:
            child.attrib.pop("display", None)
            if child.tag.endswith(("}text", "}title")):
                _write(child, values)
            _fill(child, values)
    if height := float(parent.attrib.pop("data-spread", "0")):
        for number, child in enumerate(parent):
            child.set("transform", f"translate(0 {height * number / (len(parent) - 1):g})")


def _write(text: ET.Element, values: Mapping[str, Any]) -> None:
    """Write into the blanks of a text; make it narrower if it would not fit."""
    text.text = (text.text or "").format_map(values)
    room = float(text.attrib.pop("data-width", "inf"))
    if len(text.text) * _WIDTHS.get(text.get("class", "").partition(" ")[0], 0) > room:
        text.attrib |= {"textLength": f"{room:g}", "lengthAdjust": "spacingAndGlyphs"}


def _values(
    settings: Settings, deployment: Sequence[Settings], templates: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings by key, the resources by type, and what follows from both."""
    service, existing = settings.service, settings.existing_platform
    cluster = service.ecs_cluster_name
    home = next((s for s in deployment if s.core and s.core.ecs_cluster_name == cluster), settings)
    found: dict[str, list[Any]] = {}
    for stack in [settings.service_stack_name, *([home.core_stack_name] if home.core else [])]:
        for resource in templates[stack]["Resources"].values():
            found.setdefault(resource["Type"], []).append(resource.get("Properties", {}))
    low, high = service.desired_count, service.max_count
    namespace = service.namespace_name.split(".", 1)
    endpoints = _endpoints(found.get("AWS::EC2::VPCEndpoint", []))
    values = {
        **found,
        **dict(existing or home.core or ()),
        **dict(service),
        **dict(settings.delivery),
        "templates": found,
        "core_stack": "Exists already" if existing else home.core_stack_name,
        "service_stack": settings.service_stack_name,
        "namespace": namespace,
        "namespaces": ", ".join(home.core.namespaces if home.core else namespace[:1]),
        "endpoints": [*textwrap.wrap(endpoints, 22, max_lines=3), "", ""],
        **_beginning(settings.delivery),
        "tasks": f"{low} to {high} tasks" if low < high else f"{low} task{'s' * (low > 1)}",
        "vcpu": service.task_cpu / 1024,
        "alarms": len(found["AWS::CloudWatch::Alarm"]),
        **{f"task_{number + 1}": "task" for number in range(low)},
        **_zones(found.get("AWS::EC2::Subnet", [])),
    }
    if existing:
        network = existing.vpc.vpc_cidr if existing.vpc else existing.vpc_name
        values |= {"vpc_cidr": network, "zone_1": "Its zones", "private_1": ""}
    return values


def _beginning(delivery: DeliverySettings) -> dict[str, Any]:
    """Return what a delivery begins with, and where that is."""
    what = ("commit", "a commit", "builds")
    name, where = delivery.repository_name, f"branch {delivery.repository_branch}"
    if arn := delivery.image_source_repository_arn:
        what = ("image", "an image", "there")
        _, _, _, region, account, resource = arn.split(":")
        name, where = resource.partition("/")[2], f"{account}, {region}"
    keys = ("begins_with", "a_beginning", "released_from", "begins_at", "repository")
    repository = [*textwrap.wrap(name, 18, max_lines=2), ""]
    return dict(zip(keys, (*what, where, repository), strict=True))


def _zones(subnets: Sequence[Any]) -> dict[str, str]:
    """Return the zones of subnets, of which the first half is public."""
    half, values = len(subnets) // 2, dict[str, str]()
    for number, (public, private) in enumerate(zip(subnets[:half], subnets[half:], strict=True), 1):
        zone = public["AvailabilityZone"]
        name = zone if isinstance(zone, str) else f"Zone {zone['Fn::Select'][0] + 1}"
        values |= {f"zone_{number}": name, f"public_{number}": public["CidrBlock"]}
        values |= {f"private_{number}": private["CidrBlock"]}
    return values


def _endpoints(endpoints: Sequence[Any]) -> str:
    """Return what VPC endpoints lead to, such as ``s3, ecr.api``."""
    names = str([endpoint["ServiceName"] for endpoint in endpoints])
    return ", ".join(re.findall(r"amazonaws\..*?\.([\w.-]+)", names))
