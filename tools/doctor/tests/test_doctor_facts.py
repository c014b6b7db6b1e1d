"""What the doctor knows by heart is what the app really does. No AWS is asked."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import backend_service.names
import core_infra.names
from app import make_app
from settings.examples import (
    ACCOUNT,
    EXISTING,
    PARAMETER,
    REGION,
    SECRET,
    TOPOLOGIES,
    example_deployment,
)
from tools.doctor.account import (
    BOOTSTRAP_VERSION_PARAMETER,
    NEEDED_BOOTSTRAP_VERSION,
    BuildQuota,
    ResourceTypes,
    ServiceLinkedRole,
)
from tools.doctor.aws import Aws
from tools.doctor.check import Context, Verdict
from tools.doctor.names import names_of
from tools.doctor.network import Egress, has_fargate
from tools.doctor.task import BuildSecret, ContainerSecret


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


MADE_ELSEWHERE = f"arn:aws:codeconnections:us-east-1:{ACCOUNT}:connection/{'0' * 8}"


@pytest.mark.parametrize(
    ("region", "changes", "lacking"),
    [
        ("eu-west-1", {}, ""),
        ("eu-west-1", {"connection_arn": MADE_ELSEWHERE}, ""),
        ("ap-southeast-7", {}, "AWS::CodePipeline::Webhook"),
        ("mx-central-1", {}, "AWS::CodeBuild::Project, AWS::CodePipeline::Webhook"),
        (
            "ap-northeast-3",
            {"connection_arn": MADE_ELSEWHERE},
            "AWS::CodeConnections::Connection",
        ),
    ],
)
def test_a_region_that_lacks_a_type_of_the_templates(
    region: str, changes: Mapping[str, str], lacking: str
) -> None:
    deployment = example_deployment({"aws_region": region, **changes})
    context = Context(deployment[0], _Isolated(region, ()), deployment)
    result = ResourceTypes().examine(context)
    if lacking:
        assert result.verdict is Verdict.PROBLEM
        assert result.found.startswith(f"{region} has no {lacking}, by the lists of cfn-lint ")
    else:
        assert result.verdict is Verdict.OK


def test_a_region_that_is_not_in_the_lists_yet_is_no_problem() -> None:
    deployment = example_deployment({"aws_region": "eu-north-9"})
    result = ResourceTypes().examine(Context(deployment[0], _Isolated("eu-north-9", ())))
    assert result.verdict is Verdict.NOT_CHECKED


class _Answering(Aws):
    """An account that gives these replies, by operation; without one there is no such thing."""

    def __init__(self, **replies: Any) -> None:
        super().__init__(REGION)
        self._replies = replies

    def client(self, service: str) -> Any:
        assert service
        return self

    def __getattr__(self, operation: str) -> Any:
        if operation not in self._replies:
            raise ClientError({"Error": {"Code": "NoSuchEntity"}}, operation)
        return lambda **_: self._replies[operation]


SAMPLE = example_deployment({})[0]
OWN_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/own"


@pytest.mark.parametrize(
    ("key", "manager", "named", "is_problem"),
    [
        (None, "", (), False),
        ("alias/aws/secretsmanager", "", (), False),
        ("alias/shop", "AWS", (), False),
        ("alias/shop", "CUSTOMER", (), True),
        (OWN_KEY, "CUSTOMER", (), True),
        (OWN_KEY, "CUSTOMER", (OWN_KEY,), False),
    ],
)
@pytest.mark.parametrize("store", ["secretsmanager", "ssm"])
def test_a_secret_whose_key_the_settings_do_not_name(
    store: str, key: str | None, manager: str, named: tuple[str, ...], is_problem: bool
) -> None:
    aws = _Answering(
        describe_secret={"KmsKeyId": key} if key else {},
        describe_parameters={"Parameters": [{"KeyId": key} if key else {}]},
        describe_key={"KeyMetadata": {"Arn": OWN_KEY, "KeyManager": manager}},
    )
    arn = SECRET if store == "secretsmanager" else PARAMETER
    result = ContainerSecret("DB", arn, named).examine(Context(SAMPLE, aws))
    assert (result.verdict is Verdict.PROBLEM) == is_problem
    if is_problem:
        assert OWN_KEY in result.found
        assert result.to_do == "add that to container_secrets_kms_keys"


@pytest.mark.parametrize(
    ("answers", "verdict", "said"),
    [
        ({"describe_secret": {}}, Verdict.OK, "is there"),
        ({"describe_secret": {"DeletedDate": 1}}, Verdict.PROBLEM, "correct build_secrets"),
        (
            {
                "describe_secret": {"KmsKeyId": OWN_KEY},
                "describe_key": {"KeyMetadata": {"Arn": OWN_KEY, "KeyManager": "CUSTOMER"}},
            },
            Verdict.NOTE,
            OWN_KEY,
        ),
    ],
)
def test_a_secret_of_the_build(answers: dict[str, Any], verdict: Verdict, said: str) -> None:
    result = BuildSecret("NPM_TOKEN", f"{SECRET}:token::").examine(
        Context(SAMPLE, _Answering(**answers))
    )
    assert result.verdict is verdict
    assert said in result.line


@pytest.mark.parametrize(
    ("quota", "verdict", "advice"),
    [(0.0, Verdict.PROBLEM, True), (1.0, Verdict.NOTE, True), (20.0, Verdict.OK, False)],
)
def test_a_new_account_may_run_no_build_or_one_at_a_time(
    quota: float, verdict: Verdict, advice: bool
) -> None:
    aws = _Answering(get_service_quota={"Quota": {"Value": quota}})
    result = BuildQuota().examine(Context(SAMPLE, aws))
    assert (result.verdict, bool(result.to_do)) == (verdict, advice)


def test_the_quota_is_that_of_the_processor_that_is_built_for() -> None:
    (settings,) = example_deployment(TOPOLOGIES["connected"])
    aws = _Answering(get_service_quota={"Quota": {"Value": 0.0}})
    assert "L-5ED1D25B" in BuildQuota().examine(Context(settings, aws)).to_do
    assert "L-9D07B6EF" in BuildQuota().examine(Context(SAMPLE, aws)).to_do


def test_an_account_without_the_role_of_ecs_is_told_so() -> None:
    missing = ServiceLinkedRole().examine(Context(SAMPLE, _Answering()))
    assert missing.verdict is Verdict.NOTE
    assert missing.to_do.startswith("aws iam create-service-linked-role")
    there = ServiceLinkedRole().examine(Context(SAMPLE, _Answering(get_role={})))
    assert (there.verdict, there.to_do) == (Verdict.OK, "")


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
