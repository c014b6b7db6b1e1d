"""The bill: what costs something whether it is used or not, and what is paid by use."""

from collections.abc import Mapping
from dataclasses import dataclass

from cost.price_list import Price


@dataclass(frozen=True)
class Item:
    """So many of something at a price that is due every month."""

    what: str
    quantity: float
    price: Price

    @property
    def monthly(self) -> float | None:
        """What it costs in a month; None if the price is not known."""
        return None if self.price.monthly is None else self.quantity * self.price.monthly


@dataclass(frozen=True)
class Bill:
    """By stack the fixed items, and by its name in the price list what use costs.

    ``unpriced`` are resource types that nobody has looked at.
    """

    fixed: Mapping[str, tuple[Item, ...]]
    by_use: Mapping[str, Price]
    free: tuple[str, ...]
    unpriced: tuple[str, ...]

    @property
    def total(self) -> float:
        """The sum of the fixed items whose price is known."""
        return sum(item.monthly or 0 for items in self.fixed.values() for item in items)
