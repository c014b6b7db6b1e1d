"""The actions of AWS, and the resource types of each, from the Service Authorization Reference.

cfn-lint contains a copy of the reference, without the condition keys of an action, and without the
information which of its resource types a request must name.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_DATA = "data/AdditionalSpecs/Policies.json"


class UnknownActionError(LookupError):
    """The reference has no such action."""


def resource_types(action: str) -> tuple[str, ...]:
    """Return the resource types of an action, like `ecs:service`; none if it has only `*`."""
    service, _, name = action.partition(":")
    try:
        types = _services()[service]["Actions"][name.lower()].get("Resources", [])
    except KeyError:
        raise UnknownActionError(action) from None
    return tuple(f"{service}:{each}" for each in types)


@cache
def _services() -> dict[str, Any]:
    # Only located, not imported, since the package takes a while to load.
    package = find_spec("cfnlint")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed")
    content = (Path(package.origin).parent / _DATA).read_text(encoding="utf-8")
    services: dict[str, Any] = json.loads(content)
    return services
