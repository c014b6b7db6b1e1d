"""The doctor before a deploy of both stacks: all well, and each thing that can be wrong."""

import json
import time
from typing import Any

import pytest

from settings import load_deployment
from settings.examples import ACCOUNT, REGION
from tools.doctor.__main__ import main
from tools.doctor.names import names_of
from tools.doctor.tests.account_under_test import BUCKET, VERSION_PARAMETER, AccountUnderTest

pytestmark = pytest.mark.slow


def make_stack(
    account: AccountUnderTest,
    name: str,
    kind: str,
    outputs: dict[str, str] | None = None,
    **properties: Any,
) -> None:
    template = {
        "Resources": {"Thing": {"Type": kind, "Properties": properties}},
        "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
    }
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1}
    )


def test_a_ready_account_has_no_problem(ready_account: AccountUnderTest) -> None:
    report = ready_account.examine()
    assert report.code == 0
    assert report.problems == []
    assert report.lines("not checked") == [
        "GitHub token's scopes: GitHub is not asked -> add --github"
    ]
    assert "no problems, 30 ok, 2 to know, 1 not checked. Nothing was changed." in report.text


def test_the_zones_line_can_be_pasted(ready_account: AccountUnderTest) -> None:
    line = f'availability_zones="{REGION}a,{REGION}b,{REGION}c"'
    assert any(line in answer for answer in ready_account.examine().lines("ok"))
    zones = ready_account.examine(availability_zones=f"{REGION}a,{REGION}b,{REGION}c").lines("ok")
    assert f"availability zones: {REGION}a, {REGION}b, {REGION}c" in zones


def test_nothing_is_changed(ready_account: AccountUnderTest) -> None:
    before = ready_account.client("cloudformation").list_stacks()["StackSummaries"]
    assert ready_account.examine().text == ready_account.examine().text
    assert ready_account.client("cloudformation").list_stacks()["StackSummaries"] == before


def test_another_account(ready_account: AccountUnderTest) -> None:
    report = ready_account.examine(account_number="999999999999")
    assert report.only_problem.startswith(
        f'credentials: are of account {ACCOUNT}, but account_number="999999999999" -> set AWS_PROF'
    )
    assert len(report.lines("ok")) == 0


def test_no_credentials(ready_account: AccountUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    report = ready_account.examine()
    assert report.only_problem == (
        "credentials: none that work (Unable to locate credentials)"
        " -> sign in (aws sso login, aws configure) or set AWS_PROFILE"
    )
    assert len(report.text.splitlines()) == 5


def test_an_unknown_profile(
    ready_account: AccountUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "elsewhere")
    assert "profile (elsewhere) could not be found" in ready_account.examine().only_problem


def test_nobody_answers(ready_account: AccountUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    report = ready_account.examine()
    assert report.only_problem == (
        "credentials: http://127.0.0.1:9 does not answer -> check the network and AWS_ENDPOINT_URL"
    )
    assert len(report.text.splitlines()) == 5


def test_a_region_that_is_not_there(ready_account: AccountUnderTest) -> None:
    report = ready_account.examine(aws_region="eu-south-9")
    assert report.only_problem == ("region: AWS knows no region eu-south-9 -> correct aws_region")


def test_no_bootstrap(ready_account: AccountUnderTest) -> None:
    ready_account.client("ssm").delete_parameter(Name=VERSION_PARAMETER)
    assert ready_account.examine().only_problem == (
        f"CDK bootstrap: is missing -> npx cdk bootstrap aws://{ACCOUNT}/{REGION}"
    )


def test_an_old_bootstrap(ready_account: AccountUnderTest) -> None:
    ready_account.client("ssm").put_parameter(Name=VERSION_PARAMETER, Value="5", Overwrite=True)
    assert "has version 5, 6 is needed" in ready_account.examine().only_problem


def test_a_bootstrap_without_its_bucket(ready_account: AccountUnderTest) -> None:
    ready_account.client("s3").delete_bucket(Bucket=BUCKET)
    assert f"has lost its bucket {BUCKET}" in ready_account.examine().only_problem


def test_a_zone_that_the_account_does_not_have(ready_account: AccountUnderTest) -> None:
    zones = f"{REGION}a,{REGION}b,{REGION}f"
    assert ready_account.examine(availability_zones=zones).only_problem == (
        f"availability zones: the account has no {REGION}f"
        f' -> set availability_zones="{REGION}a,{REGION}b,{REGION}c"'
    )


def test_too_few_zones(ready_account: AccountUnderTest) -> None:
    assert 'az_count is 4 -> set az_count="3"' in ready_account.examine(az_count="4").only_problem


def test_a_zone_without_fargate(
    ready_account: AccountUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.doctor.network._ZONES_WITHOUT_FARGATE", {"euw1-az1"})
    assert ready_account.examine(az_count="2").only_problem == (
        f"availability zones: Fargate does not serve {REGION}a (euw1-az1)"
        f' -> set availability_zones="{REGION}b,{REGION}c"'
    )


def test_the_zones_of_a_deployed_network_stay(ready_account: AccountUnderTest) -> None:
    zones = {"AvailabilityZones": f"{REGION}a,{REGION}c"}
    make_stack(ready_account, "CoreInfraStack", "AWS::EC2::VPC", zones, CidrBlock="10.0.0.0/16")
    stay = f'set availability_zones="{REGION}a,{REGION}c,{REGION}b"'
    assert ready_account.examine().only_problem == (
        f"availability zones: {REGION}a, {REGION}b, {REGION}c would replace subnets, "
        f"which are in {REGION}a, {REGION}c -> {stay}"
    )
    named = ready_account.examine(availability_zones=f"{REGION}a,{REGION}c,{REGION}b")
    assert named.problems == []


def test_no_room_for_a_vpc(ready_account: AccountUnderTest) -> None:
    for _ in range(4):  # one is there in every account
        ready_account.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")
    assert ready_account.examine().only_problem == (
        "quota of VPCs: all 5 are in use -> aws service-quotas request-service-quota-increase"
        " --service-code vpc --quota-code L-F678F1CE --desired-value 6"
    )


def test_no_room_for_an_address(ready_account: AccountUnderTest) -> None:
    for _ in range(5):
        ready_account.client("ec2").allocate_address(Domain="vpc")
    assert "quota of Elastic IPs: all 5 are in use" in ready_account.examine().only_problem
    assert ready_account.examine(enable_nat_gw="False").problems == []


def test_no_room_for_a_nat_gateway(ready_account: AccountUnderTest) -> None:
    ec2 = ready_account.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    for _ in range(5):
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)
    first, second = ready_account.examine().problems
    assert "Elastic IPs" in first
    assert "quota of NAT gateways per zone: all 5 are in use" in second


def test_what_is_ours_needs_no_room(ready_account: AccountUnderTest) -> None:
    make_stack(ready_account, "CoreInfraStack", "AWS::EC2::VPC", CidrBlock="10.0.0.0/16")
    for _ in range(4):
        ready_account.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")
    assert ready_account.examine().problems == []


def test_no_room_for_the_tasks(ready_account: AccountUnderTest) -> None:
    report = ready_account.examine(task_cpu="1024", task_memory="2048")
    assert report.only_problem == (
        "quota of Fargate vCPUs: 0 of 6 in use, max_count=10 tasks need 10"
        " -> aws service-quotas request-service-quota-increase"
        " --service-code fargate --quota-code L-3032A538 --desired-value 10"
    )


def test_a_stack_that_failed(ready_account: AccountUnderTest) -> None:
    cloudformation = ready_account.client("cloudformation")
    gateway = {"SubnetId": "subnet-0123", "AllocationId": "eipalloc-0123"}
    resources = {"Thing": {"Type": "AWS::EC2::NatGateway", "Properties": gateway}}
    body = json.dumps({"Resources": resources})
    cloudformation.create_stack(StackName="CoreInfraStack", TemplateBody=body)
    while "IN_PROGRESS" in cloudformation.list_stacks()["StackSummaries"][0]["StackStatus"]:
        time.sleep(0.02)
    report = ready_account.examine()
    assert "stack CoreInfraStack: is in ROLLBACK_COMPLETE" in report.only_problem
    assert "delete-stack --stack-name CoreInfraStack" in report.only_problem


def take(account: AccountUnderTest, kind: str, name: str) -> None:
    """Create something of that name outside every stack."""
    if kind == "AWS::ECR::Repository":
        account.client("ecr").create_repository(repositoryName=name)
    elif kind == "AWS::ECS::Cluster":
        account.client("ecs").create_cluster(clusterName=name)
    elif kind == "AWS::Logs::LogGroup":
        account.client("logs").create_log_group(logGroupName=name)
    elif kind == "AWS::CloudWatch::Dashboard":
        body = json.dumps({"widgets": []})
        account.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    elif kind == "AWS::CloudWatch::Alarm":
        account.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/ECS",
            MetricName="CPUUtilization",
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    elif kind == "AWS::CodeBuild::Project":
        account.client("codebuild").create_project(
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


def test_each_name_can_be_taken(ready_account: AccountUnderTest) -> None:
    ready_account.examine()
    (settings,) = load_deployment(str(ready_account.folder / ".env"))
    # The pipeline's names are in moto, which a reset does not reach: see the next test.
    names = [n for n in names_of(settings) if n.kind != "AWS::CodePipeline::Pipeline"]
    assert len(names) == 13
    for name in names:
        take(ready_account, name.kind, name.name)
    problems = ready_account.examine().problems
    assert len(problems) == len(names)
    for name, problem in zip(names, problems, strict=True):
        assert f"{name.name} exists, but not in {name.stack} -> delete it" in problem


def test_a_pipeline_of_that_name(ready_account: AccountUnderTest) -> None:
    iam, pipelines = ready_account.client("iam"), ready_account.client("codepipeline")
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
        assert "name of the pipeline: ecs-blueprint-infra-" in ready_account.examine().only_problem
    finally:
        pipelines.delete_pipeline(name="ecs-blueprint-infra-ecsdemo-backend")


def test_a_name_that_is_ours(ready_account: AccountUnderTest) -> None:
    make_stack(
        ready_account,
        "BackendServiceStack",
        "AWS::ECR::Repository",
        RepositoryName="ecsdemo-backend",
    )
    report = ready_account.examine()
    assert report.problems == []
    assert "name of the repository: ecsdemo-backend is ours" in report.lines("ok")


def test_settings_that_are_wrong_stop_the_doctor(
    ready_account: AccountUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    (ready_account.folder / ".env").write_text('task_cpu="300"\n', encoding="utf-8")
    assert main(["--env-file", str(ready_account.folder / ".env")]) == 1
    assert "task_cpu" in capsys.readouterr().err


def test_an_alarm_that_is_on_is_told_because_ecs_would_then_watch_none(
    ready_account: AccountUnderTest,
) -> None:
    alarm = "ecs-blueprint-infra-ecsdemo-backend-log-errors"
    assert "there are none yet" in ready_account.examine().text
    cloudwatch = ready_account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="Test",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=5,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
    )

    def said() -> list[str]:
        lines = ready_account.examine().problems
        return [line for line in lines if line.startswith("alarms before a deployment")]

    assert said() == []
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
    (line,) = said()
    assert f"{alarm} is on: ECS would watch no alarm" in line
