"""Counts what the resources of the templates are billed for."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Template = Mapping[str, Any]
Properties = Mapping[str, Any]

HOURS = 730
"""The hours of a month, as AWS counts them."""

# Container Insights writes these metrics on Fargate, as counted in the user guide of CloudWatch
# (github.com/awsdocs/amazon-cloudwatch-user-guide, Container-Insights-metrics-ECS.md).
CLUSTER_METRICS = 10
SERVICE_METRICS = 21
# Each policy of target tracking creates an alarm to scale out and one to scale in.
ALARMS_OF_A_POLICY = 2


@dataclass(frozen=True)
class Bill:
    """The units of each fixed price, the prices of use, and the types that nobody has priced."""

    units: Mapping[str, float]
    by_use: frozenset[str]
    unknown_types: frozenset[str]

    @property
    def total(self) -> float:
        """All fixed prices, in USD a month."""
        prices = read_table()["price"]
        return sum(units * _usd(prices[name]) for name, units in self.units.items())

    def lines(self) -> Iterator[str]:
        """Yield the table that the user reads."""
        prices = read_table()["price"]
        yield f"{'':<36}{'units':>7}{'USD each':>11}{'USD a month':>13}"
        for name, units in self.units.items():
            each = _usd(prices[name])
            yield f"{prices[name]['what']:<36}{units:>7g}{each:>11.2f}{units * each:>13.2f}"
        yield f"{'All fixed prices':<54}{self.total:>13.2f}"
        yield "\nPrices that depend on use, in USD:"
        for name in sorted(self.by_use):
            yield f"{prices[name].get('usd', 'unknown'):>9} for a {prices[name]['what']}"
        if self.unknown_types:
            yield f"\nWithout a known price: {', '.join(sorted(self.unknown_types))}"


def _usd(price: Mapping[str, Any]) -> float:
    return float(price["usd"]) * (HOURS if price["per"] == "hour" else 1)


def read_table() -> dict[str, Any]:
    """Return the content of ``prices.toml``."""
    return tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))


def bill_of(templates: Mapping[str, Template]) -> Bill:
    """Count the resources of all templates; the secrets that they only read are not counted."""
    table = read_table()
    units: Counter[str] = Counter()
    by_use: set[str] = set()
    unknown: set[str] = set()
    clusters = [each for t in templates.values() for each in _all(t, "AWS::ECS::Cluster")]
    insights = any(s["Value"] != "disabled" for own in clusters for s in own["ClusterSettings"])
    for template in templates.values():
        for kind, own in _resources(template):
            counted = dict(_units(kind, own, template, insights=insights))
            used = table["by_use"].get(kind, ())
            if kind in table["one_unit"]:
                counted[table["one_unit"][kind]] = 1
            units.update(counted)
            if kind != "AWS::EC2::VPCEndpoint" or counted:  # Gateway endpoints are free.
                by_use.update(used)
            if not (counted or used or kind in table["free"]["types"]):
                unknown.add(kind)
    return Bill({n: u for n, u in units.items() if u}, frozenset(by_use), frozenset(unknown))


def _units(
    kind: str, own: Properties, template: Template, *, insights: bool
) -> Iterator[tuple[str, float]]:
    """Yield what one resource is billed for, if that depends on its properties."""
    match kind:
        case "AWS::ApplicationAutoScaling::ScalingPolicy":
            policy = own["TargetTrackingScalingPolicyConfiguration"]
            measured = policy.get("CustomizedMetricSpecification", {})
            yield "alarm", ALARMS_OF_A_POLICY * _metrics(measured)
        case "AWS::CloudWatch::Alarm":
            yield "alarm", _metrics(own)
        case "AWS::EC2::VPCEndpoint" if own["VpcEndpointType"] == "Interface":
            yield "interface-endpoint", len(own["SubnetIds"])
        case "AWS::ECS::Cluster":
            yield "custom-metric", CLUSTER_METRICS if insights else 0
        case "AWS::ECS::Service":
            (task,) = _all(template, "AWS::ECS::TaskDefinition")
            (target,) = _all(template, "AWS::ApplicationAutoScaling::ScalableTarget")
            tasks = int(target["MinCapacity"])
            processor = "arm" if task["RuntimePlatform"]["CpuArchitecture"] == "ARM64" else "x86"
            yield f"fargate-{processor}-vcpu", tasks * int(task["Cpu"]) / 1024
            yield f"fargate-{processor}-gb", tasks * int(task["Memory"]) / 1024
            yield "custom-metric", SERVICE_METRICS if insights else 0


def _metrics(measured: Properties) -> int:
    """Count the metrics of an alarm: one on an expression is billed for each metric in it."""
    return len([each for each in measured.get("Metrics", []) if "MetricStat" in each]) or 1


def _all(template: Template, wanted: str) -> list[Properties]:
    return [own for kind, own in _resources(template) if kind == wanted]


def _resources(template: Template) -> Iterator[tuple[str, Properties]]:
    for resource in template["Resources"].values():
        yield resource["Type"], resource.get("Properties", {})
