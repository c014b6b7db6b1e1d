"""The templates that tools show and are tested with: those of sample.env, and of its variants."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from app import templates_of
from settings.examples import example_deployment


@cache
def example_templates(**changes: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the templates of sample.env with ``changes`` by stack; made once in a process."""
    return templates_of(example_deployment(changes))
