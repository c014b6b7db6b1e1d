"""Application Auto Scaling: scalable targets and scaling policies."""

import sys
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

# moto's scaling imports its ECS, and with that its EC2: a second for what the API here never asks.
_modules: dict[str, Any] = sys.modules
_modules.setdefault(
    "moto.ecs", SimpleNamespace(ecs_backends=defaultdict(lambda: defaultdict(object)))
)
