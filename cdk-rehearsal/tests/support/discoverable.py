"""The template of a service that is registered in Cloud Map, with a network of its own."""

import json
from pathlib import Path
from typing import Any

Resources = dict[str, Any]

NAMESPACE = "default.local"
HOST = f"backend.{NAMESPACE}"
_TEMPLATE = Path(__file__).with_name("discoverable.json").read_text("utf-8")
_RANGE = "10.3.0.0/16"
OUTPUTS = json.loads(_TEMPLATE)["Outputs"]


def everything(
    cidr: str = _RANGE, *, count: int = 3, image: str = "example.com/backend:1"
) -> Resources:
    """Return a network of this range, a namespace, and a service with so many tasks."""
    start = _RANGE.removesuffix("0.0/16")
    text = _TEMPLATE.replace(f'"{start}', f'"{cidr.removesuffix("0.0/16")}')
    resources: Resources = json.loads(text)["Resources"]
    resources["Service"]["Properties"]["DesiredCount"] = count
    (container,) = resources["Task"]["Properties"]["ContainerDefinitions"]
    container["Image"] = image
    return resources


def network() -> Resources:
    """Return a VPC with a security group, and a private subnet in each of three zones."""
    names = ("Vpc", "Group", "SubnetA", "SubnetB", "SubnetC")
    return {name: resource for name, resource in everything().items() if name in names}
