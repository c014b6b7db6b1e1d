"""The bill: every resource of the templates, priced by its type."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app import templates_of
from settings import Settings
from tools.cost.prices import Price, read_prices

Template = Mapping[str, Any]
Properties = Mapping[str, Any]

OWN = "Outside the stacks"
"""The heading of what you make yourself."""


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
            items += _items_of(kind, own, template, prices)
            if kind == "AWS::ECS::Service" and insights:
                metrics = SERVICE_METRICS + FAMILY_METRICS
                what = "Container Insights metrics of the service"
                items.append(Item(what, metrics, prices["custom-metric"]))
            elif kind == "AWS::ECS::Service":
                # The cluster is another's, who may have turned Container Insights on.
                by_use["custom-metric"] = prices["custom-metric"]
            for name in _use_of(kind, own):
                by_use[name] = prices[name]
        fixed[stack] = tuple(_merged(items))
    if tokens:
        fixed[OWN] = (Item("secret with the GitHub token", tokens, prices["secret"]),)
    return Bill(fixed, by_use, tuple(sorted(kinds & FREE)), tuple(sorted(kinds - KNOWN)))


def _resources(template: Template) -> Iterator[tuple[str, Properties]]:
    for resource in template["Resources"].values():
        yield resource["Type"], resource.get("Properties", {})


def _has_insights(template: Template) -> bool:
    clusters = _all(template, "AWS::ECS::Cluster")
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


# What each resource type costs.
_Rule = Callable[[Properties, Template], Iterator[tuple[str, float, str]]]

_CPU_UNITS, _MIB = 1024, 1024  # to a vCPU, to a GB

# How many metrics Container Insights writes for a cluster, a service and a task family on Fargate:
# counted in the user guide of CloudWatch (as of its last version on GitHub; later ones add some).
# github.com/awsdocs/amazon-cloudwatch-user-guide, doc_source/Container-Insights-metrics-ECS.md
CLUSTER_METRICS, SERVICE_METRICS, FAMILY_METRICS = 10, 13, 8

# Target tracking makes an alarm to scale out and one to scale in; they are in no template.
_ALARMS_OF_A_POLICY = 2


def task_items(cpu: int, memory: int, *, arm: bool) -> tuple[tuple[str, float], ...]:
    """Return what a task of that size uses: by the name of the price, how much of it."""
    kind = "arm" if arm else "x86"
    return ((f"fargate-{kind}-vcpu", cpu / _CPU_UNITS), (f"fargate-{kind}-gb", memory / _MIB))


def _service(_own: Properties, template: Template) -> Iterator[tuple[str, float, str]]:
    (task,) = _all(template, "AWS::ECS::TaskDefinition")
    (target,) = _all(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    count = int(target["MinCapacity"])
    arm = task["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    used = task_items(int(task["Cpu"]), int(task["Memory"]), arm=arm)
    for what, (price, amount) in zip(("vCPUs", "GB of memory"), used, strict=True):
        yield f"{what} of {count} tasks", count * amount, price


def _endpoint(own: Properties, _all_of: Template) -> Iterator[tuple[str, float, str]]:
    if own["VpcEndpointType"] == "Interface":
        yield "interface endpoints, by zone", len(own["SubnetIds"]), "interface-endpoint"


def _cluster(own: Properties, _all_of: Template) -> Iterator[tuple[str, float, str]]:
    if any(setting["Value"] != "disabled" for setting in own.get("ClusterSettings", [])):
        yield "Container Insights metrics of the cluster", CLUSTER_METRICS, "custom-metric"


def _alarm(own: Properties, _all_of: Template) -> Iterator[tuple[str, float, str]]:
    # An alarm on an expression is charged for each metric in it.
    metrics = [metric for metric in own.get("Metrics", []) if "MetricStat" in metric]
    yield "alarms, by metric", len(metrics) or 1, "alarm"


def _each(what: str, price: str, quantity: float = 1) -> _Rule:
    def rule(_own: Properties, _all_of: Template) -> Iterator[tuple[str, float, str]]:
        yield what, quantity, price

    return rule


_FIXED: Mapping[str, _Rule] = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": _each(
        "alarms of auto scaling", "alarm", _ALARMS_OF_A_POLICY
    ),
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _each("dashboard", "dashboard"),
    "AWS::EC2::EIP": _each("public IPv4 address", "public-ipv4"),
    "AWS::EC2::NatGateway": _each("NAT gateway", "nat-gateway"),
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _service,
    "AWS::KMS::Key": _each("encryption key", "encryption-key"),
    "AWS::SecretsManager::Secret": _each("secret", "secret"),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": _each(
        "hosted zone of a namespace", "hosted-zone"
    ),
}

_BY_USE: Mapping[str, tuple[str, ...]] = {
    "AWS::CodePipeline::Pipeline": ("pipeline",),
    "AWS::EC2::NatGateway": ("nat-gateway-data",),
    "AWS::EC2::FlowLog": ("log-ingestion",),
    "AWS::ECR::Repository": ("image-storage",),
    "AWS::ECS::Service": ("data-between-zones", "data-out"),
    "AWS::Logs::LogGroup": ("log-ingestion", "log-storage"),
    "AWS::S3::Bucket": ("object-storage",),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": ("dns-queries",),
}

_NEGLIGIBLE = frozenset(
    {
        # Run a few times at a deploy, or send a mail a month: cents a year, within the free tiers.
        *("AWS::Lambda::Function", "AWS::Events::Rule", "AWS::SNS::Topic"),
        *("AWS::SNS::Subscription", "Custom::CDKECRDeployment", "Custom::S3AutoDeleteObjects"),
        "Custom::VpcRestrictDefaultSG",
    }
)
_FREE = frozenset(
    {
        *("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::CDK::Metadata"),
        *("AWS::CodePipeline::Webhook", "AWS::EC2::InternetGateway", "AWS::EC2::Route"),
        *("AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress"),
        *("AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet"),
        *("AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC"),
        *("AWS::EC2::VPCGatewayAttachment", "AWS::ECS::TaskDefinition", "AWS::IAM::Policy"),
        *("AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::Logs::MetricFilter"),
        *("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SSM::Parameter"),
        # The resources that ECS registers for service discovery cost nothing.
        "AWS::ServiceDiscovery::Service",
    }
)
FREE = _FREE | _NEGLIGIBLE
"""Types that cost nothing, or so little that it does not matter."""

KNOWN = FREE | _FIXED.keys() | _BY_USE.keys() | {"AWS::CodeBuild::Project"}
"""Types that somebody has looked at."""


def _items_of(
    kind: str, own: Properties, template: Template, p: Mapping[str, Price]
) -> Iterator[Item]:
    """Yield what one resource costs every month."""
    if rule := _FIXED.get(kind):
        for what, quantity, price in rule(own, template):
            yield Item(what, quantity, p[price])


def _use_of(kind: str, own: Properties) -> tuple[str, ...]:
    """Return the names of the prices that the use of a resource is paid by."""
    if kind == "AWS::CodeBuild::Project":
        return ("build-arm" if own["Environment"]["Type"].startswith("ARM") else "build-x86",)
    if kind == "AWS::EC2::VPCEndpoint":
        return ("interface-endpoint-data",) if own["VpcEndpointType"] == "Interface" else ()
    return _BY_USE.get(kind, ())


def _all(template: Template, wanted: str) -> list[Properties]:
    return [own for kind, own in _resources(template) if kind == wanted]
