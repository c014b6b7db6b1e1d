"""Configurations side by side."""

from collections.abc import Iterator, Sequence

from cost.account import bill_of
from cost.bill import Bill
from cost.price_list import Price, read_prices
from cost.table import dollars, table
from cost.tariff import task_items
from settings import Settings

# Sizes that Fargate offers, from the smallest: CPU units and MiB.
_SIZES = ((256, 512), (256, 1024), (512, 1024), (1024, 2048), (2048, 4096), (4096, 8192))


def task_price(cpu: int, memory: int, *, arm: bool) -> float:
    """Return what a task of that size costs in a month."""
    prices = read_prices()
    items = task_items(cpu, memory, arm=arm)
    return sum(amount * (prices[name].monthly or 0) for name, amount in items)


def ways_out(deployment: Sequence[Settings], bill: Bill) -> Iterator[str]:
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
        rows.append((name, dollars(total), _per(data), "yours" if is_yours else ""))
    yield from table(("way out of the private subnets", "fixed, all in all", "and", ""), rows)


def _with_nat(settings: Settings, *, nat: bool) -> Settings:
    if settings.core is None:
        return settings
    core = settings.core.model_copy(update={"enable_nat_gw": nat})
    return settings.model_copy(update={"platform": core})


def _per(price: Price) -> str:
    return f"{price.shown} per {price.unit}"


def task_sizes(deployment: Sequence[Settings]) -> Iterator[str]:
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
        rows.append((size, dollars(x86), dollars(arm), f"{1 - arm / x86:.0%}", note))
    yield from table(("one task", "X86_64", "ARM64", "less", "yours"), rows)
