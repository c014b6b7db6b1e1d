"""From templates to the bill."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cost.bill import Bill, Item
from cost.price_list import Price, read_prices
from cost.tariff import (
    FAMILY_METRICS,
    FREE,
    KNOWN,
    SERVICE_METRICS,
    items_of,
    use_of,
)
from cost.templates import Template, templates_of
from settings import Settings

OWN = "Outside the stacks"
"""The heading of what you make yourself."""


def bill_of(deployment: Sequence[Settings]) -> Bill:
    """Synthesise the app, and price every resource."""
    return price(templates_of(deployment), _tokens(deployment))


def price(templates: Mapping[str, Template], tokens: int = 0) -> Bill:
    """Price the resources of templates, and the secrets that hold GitHub tokens."""
    prices = read_prices()
    fixed: dict[str, tuple[Item, ...]] = {}
    by_use: dict[str, Price] = {}
    kinds: set[str] = set()
    insights = any(_has_insights(template) for template in templates.values())
    for stack, template in templates.items():
        items: list[Item] = []
        for kind, own in _resources(template):
            kinds.add(kind)
            items += items_of(kind, own, template, prices)
            if kind == "AWS::ECS::Service" and insights:
                metrics = SERVICE_METRICS + FAMILY_METRICS
                what = "Container Insights metrics of the service"
                items.append(Item(what, metrics, prices["custom-metric"]))
            elif kind == "AWS::ECS::Service":
                # The cluster is another's, who may have turned Container Insights on.
                by_use["custom-metric"] = prices["custom-metric"]
            for name in use_of(kind, own):
                by_use[name] = prices[name]
        fixed[stack] = tuple(_merged(items))
    if tokens:
        fixed[OWN] = (Item("secret with the GitHub token", tokens, prices["secret"]),)
    return Bill(fixed, by_use, tuple(sorted(kinds & FREE)), tuple(sorted(kinds - KNOWN)))


def _resources(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in template["Resources"].values():
        yield resource["Type"], resource.get("Properties", {})


def _has_insights(template: Template) -> bool:
    clusters = [own for kind, own in _resources(template) if kind == "AWS::ECS::Cluster"]
    return any(s["Value"] != "disabled" for own in clusters for s in own["ClusterSettings"])


def _merged(items: Sequence[Item]) -> Iterator[Item]:
    """Add up items of the same thing, in the order of their first appearance."""
    sums: dict[tuple[str, str], Item] = {}
    for item in items:
        key = (item.what, item.price.unit)
        known = sums.get(key)
        sums[key] = replace(item, quantity=item.quantity + (known.quantity if known else 0))
    yield from sums.values()


def _tokens(deployment: Sequence[Settings]) -> int:
    return len({s.delivery.github_token_secret_name for s in deployment} - {None})
