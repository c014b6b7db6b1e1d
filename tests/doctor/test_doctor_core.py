"""The doctor before a deploy of both stacks: all well, and each thing that can be wrong."""

import json
import time
from typing import Any

import pytest

from doctor.__main__ import main
from doctor.checks.taken_name import names_of
from rehearsal.sample_settings import ACCOUNT, REGION
from settings import load_deployment
from tests.doctor.patient import BUCKET, VERSION_PARAMETER, Patient

pytestmark = pytest.mark.slow


def make_stack(
    patient: Patient, name: str, kind: str, outputs: dict[str, str] | None = None, **properties: Any
) -> None:
    template = {
        "Resources": {"Thing": {"Type": kind, "Properties": properties}},
        "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
    }
    cloudformation = patient.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1}
    )


def test_a_ready_account_has_no_problem(healthy: Patient) -> None:
    opinion = healthy.diagnose()
    assert opinion.code == 0
    assert opinion.problems == []
    assert opinion.lines("not checked") == [
        "GitHub token's scopes: GitHub is not asked -> add --github"
    ]
    assert "no problems, 20 ok, 1 not checked. Nothing was changed." in opinion.text


def test_the_zones_line_can_be_pasted(healthy: Patient) -> None:
    line = f'availability_zones="{REGION}a,{REGION}b,{REGION}c"'
    assert any(line in answer for answer in healthy.diagnose().lines("ok"))
    zones = healthy.diagnose(availability_zones=f"{REGION}a,{REGION}b,{REGION}c").lines("ok")
    assert f"availability zones: {REGION}a, {REGION}b, {REGION}c" in zones


def test_nothing_is_changed(healthy: Patient) -> None:
    before = healthy.client("cloudformation").list_stacks()["StackSummaries"]
    assert healthy.diagnose().text == healthy.diagnose().text
    assert healthy.client("cloudformation").list_stacks()["StackSummaries"] == before


def test_another_account(healthy: Patient) -> None:
    opinion = healthy.diagnose(account_number="999999999999")
    assert opinion.only_problem.startswith(
        f'credentials: are of account {ACCOUNT}, but account_number="999999999999" -> set AWS_PROF'
    )
    assert len(opinion.lines("ok")) == 0


def test_no_credentials(healthy: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    opinion = healthy.diagnose()
    assert opinion.only_problem == (
        "credentials: none that work (Unable to locate credentials)"
        " -> sign in (aws sso login, aws configure) or set AWS_PROFILE"
    )
    assert len(opinion.text.splitlines()) == 5


def test_an_unknown_profile(healthy: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "elsewhere")
    assert "profile (elsewhere) could not be found" in healthy.diagnose().only_problem


def test_nobody_answers(healthy: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    opinion = healthy.diagnose()
    assert opinion.only_problem == (
        "credentials: http://127.0.0.1:9 does not answer -> check the network and AWS_ENDPOINT_URL"
    )
    assert len(opinion.text.splitlines()) == 5


def test_a_region_that_is_not_there(healthy: Patient) -> None:
    opinion = healthy.diagnose(aws_region="eu-south-9")
    assert opinion.only_problem == ("region: AWS knows no region eu-south-9 -> correct aws_region")


def test_no_bootstrap(healthy: Patient) -> None:
    healthy.client("ssm").delete_parameter(Name=VERSION_PARAMETER)
    assert healthy.diagnose().only_problem == (
        f"CDK bootstrap: is missing -> npx cdk bootstrap aws://{ACCOUNT}/{REGION}"
    )


def test_an_old_bootstrap(healthy: Patient) -> None:
    healthy.client("ssm").put_parameter(Name=VERSION_PARAMETER, Value="5", Overwrite=True)
    assert "has version 5, 6 is needed" in healthy.diagnose().only_problem


def test_a_bootstrap_without_its_bucket(healthy: Patient) -> None:
    healthy.client("s3").delete_bucket(Bucket=BUCKET)
    assert f"has lost its bucket {BUCKET}" in healthy.diagnose().only_problem


def test_a_zone_that_the_account_does_not_have(healthy: Patient) -> None:
    zones = f"{REGION}a,{REGION}b,{REGION}f"
    assert healthy.diagnose(availability_zones=zones).only_problem == (
        f"availability zones: the account has no {REGION}f"
        f' -> set availability_zones="{REGION}a,{REGION}b,{REGION}c"'
    )


def test_too_few_zones(healthy: Patient) -> None:
    assert 'az_count is 4 -> set az_count="3"' in healthy.diagnose(az_count="4").only_problem


def test_a_zone_without_fargate(healthy: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doctor.fargate_zones._NOT", {"euw1-az1"})
    assert healthy.diagnose(az_count="2").only_problem == (
        f"availability zones: Fargate does not serve {REGION}a (euw1-az1)"
        f' -> set availability_zones="{REGION}b,{REGION}c"'
    )


def test_the_zones_of_a_deployed_network_stay(healthy: Patient) -> None:
    zones = {"AvailabilityZones": f"{REGION}a,{REGION}c"}
    make_stack(healthy, "CoreInfraStack", "AWS::EC2::VPC", zones, CidrBlock="10.0.0.0/16")
    stay = f'set availability_zones="{REGION}a,{REGION}c,{REGION}b"'
    assert healthy.diagnose().only_problem == (
        f"availability zones: {REGION}a, {REGION}b, {REGION}c would replace subnets, "
        f"which are in {REGION}a, {REGION}c -> {stay}"
    )
    named = healthy.diagnose(availability_zones=f"{REGION}a,{REGION}c,{REGION}b")
    assert named.problems == []


def test_no_room_for_a_vpc(healthy: Patient) -> None:
    for _ in range(4):  # one is there in every account
        healthy.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")
    assert healthy.diagnose().only_problem == (
        "quota of VPCs: all 5 are in use -> aws service-quotas request-service-quota-increase"
        " --service-code vpc --quota-code L-F678F1CE --desired-value 6"
    )


def test_no_room_for_an_address(healthy: Patient) -> None:
    for _ in range(5):
        healthy.client("ec2").allocate_address(Domain="vpc")
    assert "quota of Elastic IPs: all 5 are in use" in healthy.diagnose().only_problem
    assert healthy.diagnose(enable_nat_gw="False").problems == []


def test_no_room_for_a_nat_gateway(healthy: Patient) -> None:
    ec2 = healthy.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    for _ in range(5):
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)
    first, second = healthy.diagnose().problems
    assert "Elastic IPs" in first
    assert "quota of NAT gateways per zone: all 5 are in use" in second


def test_what_is_ours_needs_no_room(healthy: Patient) -> None:
    make_stack(healthy, "CoreInfraStack", "AWS::EC2::VPC", CidrBlock="10.0.0.0/16")
    for _ in range(4):
        healthy.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")
    assert healthy.diagnose().problems == []


def test_no_room_for_the_tasks(healthy: Patient) -> None:
    opinion = healthy.diagnose(task_cpu="1024", task_memory="2048")
    assert opinion.only_problem == (
        "quota of Fargate vCPUs: 0 of 6 in use, max_count=10 tasks need 10"
        " -> aws service-quotas request-service-quota-increase"
        " --service-code fargate --quota-code L-3032A538 --desired-value 10"
    )


def test_a_stack_that_failed(healthy: Patient) -> None:
    cloudformation = healthy.client("cloudformation")
    gateway = {"SubnetId": "subnet-0123", "AllocationId": "eipalloc-0123"}
    resources = {"Thing": {"Type": "AWS::EC2::NatGateway", "Properties": gateway}}
    body = json.dumps({"Resources": resources})
    cloudformation.create_stack(StackName="CoreInfraStack", TemplateBody=body)
    while "IN_PROGRESS" in cloudformation.list_stacks()["StackSummaries"][0]["StackStatus"]:
        time.sleep(0.02)
    opinion = healthy.diagnose()
    assert "stack CoreInfraStack: is in ROLLBACK_COMPLETE" in opinion.only_problem
    assert "delete-stack --stack-name CoreInfraStack" in opinion.only_problem


def take(patient: Patient, kind: str, name: str) -> None:
    """Create something of that name outside every stack."""
    if kind == "AWS::ECR::Repository":
        patient.client("ecr").create_repository(repositoryName=name)
    elif kind == "AWS::ECS::Cluster":
        patient.client("ecs").create_cluster(clusterName=name)
    elif kind == "AWS::Logs::LogGroup":
        patient.client("logs").create_log_group(logGroupName=name)
    elif kind == "AWS::CloudWatch::Dashboard":
        body = json.dumps({"widgets": []})
        patient.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    elif kind == "AWS::CodeBuild::Project":
        patient.client("codebuild").create_project(
            name=name,
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            serviceRole=f"arn:aws:iam::{ACCOUNT}:role/build",
        )
    else:
        raise AssertionError(kind)


def test_each_name_can_be_taken(healthy: Patient) -> None:
    healthy.diagnose()
    (settings,) = load_deployment(str(healthy.folder / ".env"))
    # The pipeline's names are in moto, which a reset does not reach: see the next test.
    names = [n for n in names_of(settings) if n.kind != "AWS::CodePipeline::Pipeline"]
    assert len(names) == 8
    for name in names:
        take(healthy, name.kind, name.name)
    problems = healthy.diagnose().problems
    assert len(problems) == len(names)
    for name, problem in zip(names, problems, strict=True):
        assert f"{name.name} exists, but not in {name.stack} -> delete it" in problem


def test_a_pipeline_of_that_name(healthy: Patient) -> None:
    iam, pipelines = healthy.client("iam"), healthy.client("codepipeline")
    trust = {"Statement": [{"Principal": {"Service": "codepipeline.amazonaws.com"}}]}
    role = iam.create_role(RoleName="pipe", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    kind = {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"}
    stages = [{"name": stage, "actions": [{"name": stage, "actionTypeId": kind}]} for stage in "AB"]
    pipelines.create_pipeline(
        pipeline={
            "name": "ecs-blueprint-infra-ecsdemo-backend",
            "roleArn": role["Arn"],
            "artifactStore": {"type": "S3", "location": BUCKET},
            "stages": stages,
        }
    )
    try:
        assert "name of the pipeline: ecs-blueprint-infra-" in healthy.diagnose().only_problem
    finally:
        pipelines.delete_pipeline(name="ecs-blueprint-infra-ecsdemo-backend")


def test_a_name_that_is_ours(healthy: Patient) -> None:
    make_stack(
        healthy, "BackendServiceStack", "AWS::ECR::Repository", RepositoryName="ecsdemo-backend"
    )
    opinion = healthy.diagnose()
    assert opinion.problems == []
    assert "name of the repository: ecsdemo-backend is ours" in opinion.lines("ok")


def test_settings_that_are_wrong_stop_the_doctor(
    healthy: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    (healthy.folder / ".env").write_text('task_cpu="300"\n', encoding="utf-8")
    assert main(["--env-file", str(healthy.folder / ".env")]) == 1
    assert "task_cpu" in capsys.readouterr().err
