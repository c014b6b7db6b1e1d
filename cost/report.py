"""What the user reads."""

from collections.abc import Iterator, Sequence

from cost.bill import Bill, Item
from cost.comparisons import task_sizes, ways_out
from cost.price_list import HOURS, REGION, read_prices
from cost.table import dollars, paragraph, table
from settings import Settings


def report(deployment: Sequence[Settings], bill: Bill) -> Iterator[str]:
    """Yield the lines of the whole report."""
    files = ", ".join(str(settings.env_file) for settings in deployment)
    yield f"What {files} costs in a month of {HOURS} hours"
    yield from paragraph(_caveat(deployment))
    for stack, items in bill.fixed.items():
        yield ""
        yield stack
        yield from table(("", "how many", "at", "a month"), [_row(item) for item in items])
    yield ""
    yield f"Fixed, all in all: {dollars(bill.total)} a month"
    yield from _unknown(bill)
    yield ""
    yield "Paid by use"
    rows = [(p.shown, f"per {p.unit}") for p in bill.by_use.values()]
    yield from table(("", ""), rows)
    yield ""
    yield "Side by side, a month"
    if ways := list(ways_out(deployment, bill)):
        yield from (*ways, "")
    yield from task_sizes(deployment)
    yield ""
    yield "Free, or cents in a year"
    yield from paragraph(", ".join(kind.partition("::")[2] for kind in bill.free))
    yield ""
    yield "Where the prices were read"
    yield from _sources(bill)


def _caveat(deployment: Sequence[Settings]) -> str:
    text = (
        f"List prices of {REGION} from cost/prices.toml, without taxes, discounts and free tiers."
    )
    elsewhere = sorted({s.aws_region for s in deployment} - {REGION})
    if elsewhere:
        text += (
            f" {', '.join(elsewhere)} has prices of its own, often 5 to 30% higher:"
            f" this is an estimate at {REGION} prices."
        )
    return f"{text} Tasks are counted as auto scaling keeps them at least (desired_count)."


def _row(item: Item) -> tuple[str, str, str, str]:
    quantity, price = f"{item.quantity:g}", item.price
    return item.what, quantity, f"{price.shown} per {price.unit}", dollars(item.monthly)


def _unknown(bill: Bill) -> Iterator[str]:
    items = [i for items in bill.fixed.values() for i in items if i.monthly is None]
    for item in items:
        yield from paragraph(f"Not in it: {item.what}, whose price was not found.")
    if bill.unpriced:
        yield from paragraph(f"Not in it, for nobody has looked: {', '.join(bill.unpriced)}.")


def _sources(bill: Bill) -> Iterator[str]:
    used = [item.price for items in bill.fixed.values() for item in items]
    used += bill.by_use.values()
    names: dict[str, list[str]] = {}
    for name, price in read_prices().items():
        if price in used:
            names.setdefault(price.source, []).append(f"{name} ({price.date})")
    for source, prices in names.items():
        yield f"  {source}"
        yield from (f"  {line}" for line in paragraph(", ".join(prices)))
