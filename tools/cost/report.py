"""What the user reads: the bill, configurations side by side, and where the prices are from."""

import textwrap
from collections.abc import Iterator, Sequence

from settings import Settings, shown_names
from tools.cost.bill import Bill, Item, bill_of, task_items
from tools.cost.prices import HOURS, REGION, Price, read_prices

WIDTH = 100

# Sizes that Fargate offers, from the smallest: CPU units and MiB.
_SIZES = ((256, 512), (256, 1024), (512, 1024), (1024, 2048), (2048, 4096), (4096, 8192))


def report(deployment: Sequence[Settings], bill: Bill) -> Iterator[str]:
    """Yield the lines of the whole report."""
    files = shown_names([str(settings.env_file) for settings in deployment])
    yield f"What {files} costs in a month of {HOURS} hours"
    yield from _paragraph(_caveat(deployment))
    for stack, items in bill.fixed.items():
        yield ""
        yield stack
        yield from _table(("", "how many", "at", "a month"), [_row(item) for item in items])
    yield ""
    yield f"Fixed, all in all: {_dollars(bill.total)} a month"
    yield from _unknown(bill)
    yield ""
    yield "Paid by use"
    rows = [(p.shown, f"per {p.unit}") for p in bill.by_use.values()]
    yield from _table(("", ""), rows)
    yield ""
    yield "Side by side, a month"
    if compared := list(_egress_compared(deployment, bill)):
        yield from (*compared, "")
    yield from _task_sizes(deployment)
    yield ""
    yield "Free, or cents in a year"
    yield from _paragraph(", ".join(kind.partition("::")[2] for kind in bill.free))
    yield ""
    yield "Where the prices were read"
    yield from _sources(bill)


def _caveat(deployment: Sequence[Settings]) -> str:
    source = "tools/cost/prices.toml"
    text = f"List prices of {REGION} from {source}, without taxes, discounts and free tiers."
    elsewhere = sorted({s.aws_region for s in deployment} - {REGION})
    if elsewhere:
        text += (
            f" {', '.join(elsewhere)} has prices of its own, often 5 to 30% higher:"
            f" this is an estimate at {REGION} prices."
        )
    return f"{text} Tasks are counted as auto scaling keeps them at least (desired_count)."


def _row(item: Item) -> tuple[str, str, str, str]:
    return item.what, f"{item.quantity:g}", _per(item.price), _dollars(item.monthly)


def _unknown(bill: Bill) -> Iterator[str]:
    items = [i for items in bill.fixed.values() for i in items if i.monthly is None]
    for item in items:
        yield from _paragraph(f"Not in it: {item.what}, whose price was not found.")
    if bill.unpriced:
        yield from _paragraph(f"Not in it, for nobody has looked: {', '.join(bill.unpriced)}.")


def _sources(bill: Bill) -> Iterator[str]:
    used = [item.price for items in bill.fixed.values() for item in items]
    used += bill.by_use.values()
    names: dict[str, list[str]] = {}
    for name, price in read_prices().items():
        if price in used:
            names.setdefault(price.source, []).append(f"{name} ({price.date})")
    for source, prices in names.items():
        yield f"  {source}"
        yield from (f"  {line}" for line in _paragraph(", ".join(prices)))


def task_price(cpu: int, memory: int, *, arm: bool) -> float:
    """Return what a task of that size costs in a month."""
    prices = read_prices()
    items = task_items(cpu, memory, arm=arm)
    return sum(amount * (prices[name].monthly or 0) for name, amount in items)


def _egress_compared(deployment: Sequence[Settings], bill: Bill) -> Iterator[str]:
    """Compare NAT gateways with endpoints, each as the app would really make them.

    Nothing to compare without a core stack.
    """
    if not any(settings.core for settings in deployment):
        return
    prices = read_prices()
    rows = []
    for nat, name in ((True, "NAT gateway"), (False, "interface endpoints")):
        variant = [_with_nat(settings, nat=nat) for settings in deployment]
        is_yours = variant == list(deployment)
        total = bill.total if is_yours else bill_of(variant).total
        data = prices["nat-gateway-data" if nat else "interface-endpoint-data"]
        rows.append((name, _dollars(total), _per(data), "yours" if is_yours else ""))
    yield from _table(("egress of the private subnets", "fixed, all in all", "and", ""), rows)


def _with_nat(settings: Settings, *, nat: bool) -> Settings:
    if settings.core is None:
        return settings
    core = settings.core.model_copy(update={"enable_nat_gw": nat})
    return settings.model_copy(update={"platform": core})


def _per(price: Price) -> str:
    return f"{price.shown} per {price.unit}"


def _task_sizes(deployment: Sequence[Settings]) -> Iterator[str]:
    """Compare sizes and processors, for one task and for the tasks of each service."""
    services = [settings.service for settings in deployment]
    yours = {(s.task_cpu, s.task_memory) for s in services}
    rows = []
    for cpu, memory in sorted(yours | set(_SIZES)):
        x86, arm = (task_price(cpu, memory, arm=arm) for arm in (False, True))
        mine = [s for s in services if (s.task_cpu, s.task_memory) == (cpu, memory)]
        note = ", ".join(
            f"{s.service_name}: {s.desired_count} on {s.cpu_architecture}" for s in mine
        )
        size = f"{cpu / 1024:g} vCPU, {memory / 1024:g} GB"
        rows.append((size, _dollars(x86), _dollars(arm), f"{1 - arm / x86:.0%}", note))
    yield from _table(("one task", "X86_64", "ARM64", "less", "yours"), rows)


def _dollars(amount: float | None) -> str:
    """Return an amount with cents."""
    return "unknown" if amount is None else f"${amount:,.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, without a head if it is blank; amounts stand to the right."""
    lines = [head, *rows] if any(head) else [*rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    amounts = [
        all(row[column].startswith(("$", "unknown")) for row in rows) and bool(rows)
        for column in range(len(head))
    ]
    for line in lines:
        cells = (
            f"{cell:>{width}}" if amount else f"{cell:<{width}}"
            for cell, width, amount in zip(line, widths, amounts, strict=True)
        )
        yield f"  {'  '.join(cells)}".rstrip()


def _paragraph(text: str) -> Iterator[str]:
    """Yield the lines of prose; names and addresses stay in one piece."""
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
