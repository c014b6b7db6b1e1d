"""What the doctor knows by heart is what the app really does. No AWS is asked."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import backend_service.names
import core_infra.names
from app import make_app
from settings.examples import EXISTING, TOPOLOGIES, example_deployment
from tools.doctor.account import BOOTSTRAP_VERSION_PARAMETER, NEEDED_BOOTSTRAP_VERSION
from tools.doctor.aws import Aws
from tools.doctor.check import Context, Verdict
from tools.doctor.names import names_of
from tools.doctor.network import Egress, has_fargate


@pytest.mark.parametrize("changes", TOPOLOGIES.values(), ids=TOPOLOGIES.keys())
def test_every_name_that_can_be_taken_is_looked_for(changes: Mapping[str, str]) -> None:
    """That these are all of the templates' is a test of the product."""
    (settings,) = example_deployment(changes)
    checks = list(names_of(settings))
    cluster = settings.service.ecs_cluster_name
    core = core_infra.names.unique_names(cluster) if settings.core else ()
    service = backend_service.names.unique_names(
        cluster_name=cluster,
        service_name=settings.service.service_name,
        repository_name=settings.service.ecr_repository_name,
    )
    assert [(check.kind, check.name) for check in checks] == [*core, *service]
    assert all(check.what.startswith("name of the ") for check in checks), "each has its finder"


def test_the_bootstrap_version_is_the_one_that_assemblies_ask_for(tmp_path: Path) -> None:
    make_app(example_deployment({}), tmp_path).synth()
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    artifacts = manifest["artifacts"].values()
    stacks = [a["properties"] for a in artifacts if a["type"] == "aws:cloudformation:stack"]
    assert {s["requiresBootstrapStackVersion"] for s in stacks} == {NEEDED_BOOTSTRAP_VERSION}
    parameters = {s["bootstrapStackVersionSsmParameter"] for s in stacks}
    assert parameters == {BOOTSTRAP_VERSION_PARAMETER}


class _Isolated(Aws):
    """An account with one VPC of isolated subnets, and endpoints for some services."""

    def __init__(self, region: str, services: Sequence[str]) -> None:
        super().__init__(region)
        self._services = services

    def client(self, service: str) -> Any:
        assert service == "ec2"
        return self

    def describe_vpcs(self, **_: object) -> Any:
        return {"Vpcs": [{"VpcId": "vpc-1"}]}

    def describe_route_tables(self, **_: object) -> Any:
        associations = [{"Main": True}]
        table = {"RouteTableId": "rtb-1", "Routes": [], "Associations": associations}
        return {"RouteTables": [table]}

    def describe_subnets(self, **_: object) -> Any:
        return {"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1"}]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_vpc_endpoints"
        return self

    def paginate(self, **_: object) -> Any:
        return self

    def build_full_result(self) -> Any:
        return {
            "VpcEndpoints": [
                {
                    "VpcId": "vpc-1",
                    "State": "available",
                    "VpcEndpointType": "Interface",
                    "ServiceName": f"com.amazonaws.{self.region}.{service}",
                }
                for service in self._services
            ]
        }


OF_EVERY_REGION = ("ecr.api", "ecr.dkr", "logs", "s3")
OF_NEWER_REGIONS = ("ecs", "ecs-agent", "ecs-telemetry")


@pytest.mark.parametrize(
    ("region", "services", "missing"),
    [
        ("eu-west-1", OF_EVERY_REGION, ""),
        ("eu-west-1", OF_EVERY_REGION[1:], "ecr.api"),
        ("ap-southeast-7", OF_EVERY_REGION, "ecs, ecs-agent, ecs-telemetry"),
        ("ap-southeast-7", OF_EVERY_REGION + OF_NEWER_REGIONS, ""),
    ],
)
def test_endpoints_are_needed_as_the_core_stack_makes_them(
    region: str, services: Sequence[str], missing: str
) -> None:
    (settings,) = example_deployment(
        {key: value.replace("eu-west-1", region) for key, value in EXISTING.items()}
        | {"aws_region": region}
    )
    assert settings.existing_platform is not None
    egress = Egress(settings.existing_platform)
    result = egress.examine(Context(settings, _Isolated(region, services)))
    if missing:
        assert result.verdict is Verdict.PROBLEM
        assert result.found == f"subnet-1 has no default route, and no endpoint for {missing}"
    else:
        assert result.found == "by endpoints"


@pytest.mark.parametrize(
    ("region", "zone", "served"),
    [
        ("us-east-1", "use1-az1", True),
        ("us-east-1", "use1-az3", False),
        ("us-west-1", "usw1-az1", True),
        ("us-west-1", "usw1-az2", False),
        ("ap-northeast-1", "apne1-az3", False),
        ("eu-west-1", "euw1-az3", True),
    ],
)
def test_zones_of_fargate(region: str, zone: str, served: bool) -> None:
    assert has_fargate(region, zone) is served
