"""The actions of AWS and the types of resources that each is authorised on.

From the Service Authorization Reference, as cfn-lint carries it. It says nothing of an action's own
condition keys, and not which of its resource types a request must name.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_DATA = "data/AdditionalSpecs/Policies.json"


class UnknownActionError(LookupError):
    """No such action is known."""


def resource_types(action: str) -> tuple[str, ...]:
    """Return the types of resources of an action, `ecs:service`; none if it knows only `*`."""
    service, _, name = action.partition(":")
    try:
        types = _services()[service]["Actions"][name.lower()].get("Resources", [])
    except KeyError:
        raise UnknownActionError(action) from None
    return tuple(f"{service}:{each}" for each in types)


@cache
def _services() -> dict[str, Any]:
    # Found, not imported: the package would take a while to load.
    package = find_spec("cfnlint")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed")
    content = (Path(package.origin).parent / _DATA).read_text(encoding="utf-8")
    services: dict[str, Any] = json.loads(content)
    return services
