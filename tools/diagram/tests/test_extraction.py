"""What is in the diagram comes from the templates, and only from there."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from app import templates_of
from settings import ExistingPlatformSettings, VpcAttributes
from settings.examples import TOPOLOGIES, example_deployment
from tools.diagram.extraction import extract
from tools.diagram.model import Edge, Flow, Model, Part
from tools.diagram.templates import (
    DRAWN,
    NOT_DRAWN,
    Templates,
    UnplacedResourceError,
    check_every_type_is_decided,
    with_its_core,
)
from tools.example_templates import example_templates


class Changed:
    """The default templates, to be changed before they are drawn."""

    def __init__(self) -> None:
        self.templates: dict[str, Any] = copy.deepcopy(dict(example_templates()))

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            key: resource
            for template in self.templates.values()
            for key, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    def properties(self, kind: str) -> dict[str, Any]:
        return next(iter(self.of(kind).values()))["Properties"]  # type: ignore[no-any-return]

    def remove(self, kind: str) -> None:
        for key in self.of(kind):
            for template in self.templates.values():
                template["Resources"].pop(key, None)

    def model(self) -> Model:
        return extract(self.templates)


def ends(model: Model) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in model.edges}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_resource_type_is_drawn_or_left_out_for_a_reason(topology: str) -> None:
    check_every_type_is_decided(Templates(example_templates(**TOPOLOGIES[topology])))


def test_a_type_that_nobody_decided_about_is_refused() -> None:
    changed = Changed()
    next(iter(changed.templates.values()))["Resources"]["New"] = {"Type": "AWS::SQS::Queue"}
    with pytest.raises(UnplacedResourceError, match="AWS::SQS::Queue"):
        changed.model()


def test_no_type_is_both_drawn_and_left_out() -> None:
    assert not DRAWN & NOT_DRAWN.keys()


def test_no_type_is_decided_that_the_blueprint_never_makes() -> None:
    made = [Templates(example_templates(**changes)).kinds for changes in TOPOLOGIES.values()]
    assert set().union(*made) == DRAWN | NOT_DRAWN.keys()


def test_the_path_of_a_commit_runs_from_the_commit_to_the_live_tag() -> None:
    model = extract(example_templates())
    path = [(e.source, e.target, e.label) for e in model.edges if e.flow is Flow.COMMIT]
    assert path == [
        ("commit", "action:Source", ""),
        ("action:Source", "action:Build", ""),
        ("action:Build", "action:Release", ""),
        ("action:Release", "action:Deploy", ""),
        ("action:Deploy", "action:Promote", ""),
        ("action:Build", "images", "pushes"),
        ("action:Release", "images", "copies"),
        ("action:Deploy", "service", "rolls out"),
        ("action:Promote", "live", "moves live"),
    ]
    assert [node.step for node in model.actions()] == [2, 3, 4, 5, 6]


def test_an_approval_is_a_step_of_its_own() -> None:
    model = extract(example_templates(**TOPOLOGIES["connected"]))
    assert [(node.title, node.step) for node in model.actions()] == [
        ("Source", 2),
        ("Build", 3),
        ("Approve", 4),
        ("Release", 5),
        ("Deploy", 6),
        ("Promote", 7),
    ]


def test_without_nat_the_endpoints_are_drawn() -> None:
    model = extract(example_templates(**TOPOLOGIES["isolated"]))
    assert "nat" not in model.nodes
    assert "ecr.dkr" in model.nodes["endpoints"].details[0]
    assert [zone.title for zone in model.zones] == ["eu-west-1b", "eu-west-1c"]
    assert [zone.tasks for zone in model.zones] == [2, 1]


@pytest.mark.parametrize(
    ("kind", "key", "value", "node", "text"),
    [
        ("AWS::ApplicationAutoScaling::ScalableTarget", "MaxCapacity", 12, "service", "3 to 12"),
        ("AWS::ECS::TaskDefinition", "Memory", "1024", "service", "1024 MB"),
        ("AWS::EC2::VPC", "CidrBlock", "10.9.0.0/16", "vpc", "10.9.0.0/16"),
        ("AWS::ECR::Repository", "RepositoryName", "shop", "images", "shop"),
        ("AWS::ECS::Cluster", "ClusterName", "shared", "cluster", "shared"),
    ],
)
def test_numbers_and_names_are_those_of_the_template(
    kind: str, key: str, value: object, node: str, text: str
) -> None:
    changed = Changed()
    changed.properties(kind)[key] = value
    assert text in " ".join(changed.model().nodes[node].details)


def test_the_ttl_is_that_of_the_record() -> None:
    changed = Changed()
    changed.properties("AWS::ServiceDiscovery::Service")["DnsConfig"]["DnsRecords"][0]["TTL"] = 25
    assert changed.model().nodes["record"].details[-1] == "DNS A records, TTL 25 s"


@pytest.mark.parametrize(
    ("kind", "node"),
    [
        ("AWS::CloudWatch::Dashboard", "dashboard"),
        ("AWS::EC2::FlowLog", "flow-logs"),
        ("AWS::EC2::NatGateway", "nat"),
        ("AWS::ECS::Cluster", "cluster"),
        ("AWS::S3::Bucket", "artifacts"),
        ("AWS::SecretsManager::Secret", "secret"),
    ],
)
def test_a_node_is_drawn_only_while_its_resource_is_there(kind: str, node: str) -> None:
    changed = Changed()
    assert node in changed.model().nodes
    changed.remove(kind)
    try:
        assert node not in changed.model().nodes
    except ValueError as dangling:  # an edge that another resource still gives
        assert node in str(dangling)  # noqa: PT017


def test_a_caller_is_drawn_only_while_the_service_is_open_to_the_vpc() -> None:
    changed = Changed()
    model = changed.model()
    assert ("caller", "tasks") in ends(model)
    (address,) = model.nodes["caller"].details
    assert address == "ecsdemo-backend.default.ecs-blueprint-infra.local:3000"
    changed.properties("AWS::EC2::SecurityGroup")["SecurityGroupIngress"] = []
    assert "caller" not in changed.model().nodes


def _without_registry(changed: Changed) -> None:
    del changed.properties("AWS::ECS::Service")["ServiceRegistries"]


def _without_push_rights(changed: Changed) -> None:
    for policy in changed.of("AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            statement["Action"] = "ecr:GetAuthorizationToken"


def _with_an_image_of_others(changed: Changed) -> None:
    for container in changed.properties("AWS::ECS::TaskDefinition")["ContainerDefinitions"]:
        container["Image"] = "public.ecr.aws/acme/shop:1"


@pytest.mark.parametrize(
    ("change", "edge"),
    [
        (_without_registry, ("service", "record")),
        (_without_push_rights, ("action:Build", "images")),
        (_without_push_rights, ("action:Release", "images")),
        (_without_push_rights, ("action:Promote", "live")),
        (_with_an_image_of_others, ("live", "tasks")),
    ],
)
def test_an_edge_is_drawn_only_while_the_reference_is_there(
    change: Any, edge: tuple[str, str]
) -> None:
    changed = Changed()
    assert edge in ends(changed.model())
    change(changed)
    assert edge not in ends(changed.model())


def test_tasks_are_drawn_only_in_the_subnets_of_the_service() -> None:
    changed = Changed()
    network = changed.properties("AWS::ECS::Service")["NetworkConfiguration"]
    network["AwsvpcConfiguration"]["Subnets"].pop()
    assert [zone.tasks for zone in changed.model().zones] == [1, 1, 0]


def _existing() -> ExistingPlatformSettings:
    (settings,) = example_deployment(TOPOLOGIES["existing"])
    assert settings.existing_platform
    return settings.existing_platform


def test_what_cdk_makes_up_for_a_vpc_that_is_looked_up_is_not_told() -> None:
    model = extract(example_templates(**TOPOLOGIES["existing"]), _existing())
    said = json.dumps(model.as_json())
    assert not [each for each in ("1.2.3.4", "p-12345", "vpc-12345", "dummy") if each in said]
    assert model.nodes["vpc"].details == ("shared",)
    assert [zone.tasks for zone in model.zones] == [3]


def test_a_service_on_an_existing_platform_is_found_under_its_name_there() -> None:
    model = extract(example_templates(**TOPOLOGIES["existing"]), _existing())
    assert ("record", "namespace") in ends(model)
    address = "ecsdemo-backend.default.ecs-blueprint-infra.local:3000"
    assert model.nodes["caller"].details == (address,)
    assert model.nodes["cluster"].details == ("ecs-blueprint-infra",)


def test_the_zones_of_an_existing_vpc_are_told_if_they_are_known() -> None:
    vpc = VpcAttributes(
        vpc_id="vpc-1",
        vpc_cidr="10.7.0.0/16",
        availability_zones=("eu-west-1a", "eu-west-1b"),
        public_subnet_ids=("subnet-1", "subnet-2"),
        private_subnet_ids=("subnet-3", "subnet-4"),
    )
    existing = _existing().model_copy(update={"vpc": vpc, "vpc_name": None})
    model = extract(example_templates(**TOPOLOGIES["existing"]), existing)
    assert model.nodes["vpc"].details == ("10.7.0.0/16",)
    assert [(z.title, z.public, z.private, z.tasks) for z in model.zones] == [
        ("eu-west-1a", "subnet-1", "subnet-3", 2),
        ("eu-west-1b", "subnet-2", "subnet-4", 1),
    ]


def test_of_several_services_each_is_drawn_with_its_own_core() -> None:
    shop, pay, stock = (
        {
            "stack_prefix": name.capitalize(),
            "ecs_cluster_name": cluster,
            "service_name": name,
            "ecr_repository_name": name,
        }
        for name, cluster in (("shop", "shop"), ("pay", "pay"), ("stock", "shop"))
    )
    deployment = example_deployment(shop, pay, stock | {"deploy_core_stack": "False"})
    by_stack = templates_of(deployment)
    cores = {
        settings.service.service_name: extract(
            with_its_core(by_stack, settings.service_stack_name)
        ).stacks[Part.CORE]
        for settings in deployment
    }
    assert cores == {
        "shop": "ShopCoreInfraStack",
        "pay": "PayCoreInfraStack",
        "stock": "ShopCoreInfraStack",
    }


def test_an_edge_to_nothing_is_refused() -> None:
    nodes: Mapping[str, Any] = {}
    with pytest.raises(ValueError, match="ends at 'a'"):
        Model(stacks={}, zones=(), nodes=nodes, edges=(Edge(source="a", target="b"),))
