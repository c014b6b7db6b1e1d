"""The topologies that are reviewed: those of the tests, and their richest combinations."""

from collections.abc import Mapping

from tests.synthesis import CONNECTED, EXISTING, ISOLATED, TOPOLOGIES

REVIEWED: Mapping[str, Mapping[str, str]] = {
    **TOPOLOGIES,
    "isolated, connected": {**ISOLATED, **CONNECTED},
    "existing, connected": {**EXISTING, **CONNECTED},
}
