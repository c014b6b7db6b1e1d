"""The prices of `prices.toml`."""

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REGION = "us-east-1"
"""The region that the prices are of."""

HOURS = 730
"""The hours of a month, as AWS counts them."""

_TABLE = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True)
class Price:
    """A list price for a unit, and where it was read. ``usd`` is None if it was not found."""

    usd: float | None
    unit: str
    source: str
    date: datetime.date
    page: str

    @property
    def monthly(self) -> float | None:
        """The price of one for a month, if the unit is one of time."""
        if self.usd is None:
            return None
        return self.usd * HOURS if "hour" in self.unit.split() else self.usd

    @property
    def shown(self) -> str:
        """The amount as a person reads it."""
        if self.usd is None:
            return "unknown"
        # Never fewer than two decimals, never a digit that the table does not have.
        plain = f"{self.usd:.6f}".rstrip("0")
        return f"${plain}" if len(plain.partition(".")[2]) > 1 else f"${self.usd:.2f}"


def read_prices() -> Mapping[str, Price]:
    """Return the prices by name."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {name: Price(**({"usd": None} | entry)) for name, entry in table.items()}
