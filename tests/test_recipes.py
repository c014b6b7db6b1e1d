"""Every recipe of docs/recipes applies to this revision, is small, and does what its page says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Match

from settings.examples import REGION
from tests.recipes import RECIPES, Recipe
from tests.synthesis import Synthesis
from tests.template_lint import findings

SERVICE = "BackendServiceStack"
MOST_LINES = 40
MOST_FILES = 3

Promise = Callable[[Synthesis], None]


def a_collector_beside_the_service_may_write_traces(changed: Synthesis) -> None:
    collector = container(changed, "collector")
    assert collector["Essential"] is False
    assert log_group_of(collector) != log_group_of(container(changed, "ecsdemo-backend"))
    task_role = definition(changed)["TaskRoleArn"]
    assert {"xray:PutTraceSegments"} <= allowed(changed, task_role)


def the_lines_reach_the_log_group_of_the_alarms_through_fluent_bit(changed: Synthesis) -> None:
    assert container(changed, "LogRouter")["FirelensConfiguration"] == {"Type": "fluentbit"}
    log = container(changed, "ecsdemo-backend")["LogConfiguration"]
    assert log["LogDriver"] == "awsfirelens"
    filters = changed.resources(SERVICE, "AWS::Logs::MetricFilter").values()
    watched = {f["Properties"]["LogGroupName"]["Ref"] for f in filters}
    assert watched == {log["Options"]["log_group_name"]["Ref"]}
    task_role = definition(changed)["TaskRoleArn"]
    assert {"logs:CreateLogStream", "logs:PutLogEvents"} <= allowed(changed, task_role)


def tasks_mount_a_file_system_that_outlives_them(changed: Synthesis) -> None:
    (file_system,) = changed.resources(SERVICE, "AWS::EFS::FileSystem").values()
    assert file_system["DeletionPolicy"] == "Retain"
    (volume,) = definition(changed)["Volumes"]
    assert volume["EFSVolumeConfiguration"]["TransitEncryption"] == "ENABLED"
    assert volume["EFSVolumeConfiguration"]["AuthorizationConfig"]["IAM"] == "ENABLED"
    (mount,) = container(changed, "ecsdemo-backend")["MountPoints"]
    assert mount["SourceVolume"] == volume["Name"]
    (service,) = changed.resources(SERVICE, "AWS::ECS::Service").values()
    targets = changed.resources(SERVICE, "AWS::EFS::MountTarget")
    assert len(targets) == 3
    assert targets.keys() <= set(service["DependsOn"])


def most_tasks_beside_the_first_run_on_spot(changed: Synthesis) -> None:
    strategy = [
        {"CapacityProvider": "FARGATE", "Base": 1, "Weight": 1},
        {"CapacityProvider": "FARGATE_SPOT", "Weight": 3},
    ]
    changed.service.has_resource_properties(
        "AWS::ECS::Service", {"CapacityProviderStrategy": strategy, "LaunchType": Match.absent()}
    )
    changed.core.has_resource_properties(
        "AWS::ECS::ClusterCapacityProviderAssociations",
        {"CapacityProviders": ["FARGATE", "FARGATE_SPOT"]},
    )


def a_schedule_runs_the_task_definition_of_the_template(changed: Synthesis) -> None:
    target = changed.only(SERVICE, "AWS::Scheduler::Schedule")["Target"]
    (revision,) = changed.resources(SERVICE, "AWS::ECS::TaskDefinition")
    assert target["EcsParameters"]["TaskDefinitionArn"] == {"Ref": revision}
    assert '"name":"ecsdemo-backend","command":["python"' in target["Input"]
    assert {"ecs:RunTask", "iam:PassRole"} <= allowed(changed, target["RoleArn"])


def nobody_can_call_the_worker(changed: Synthesis) -> None:
    assert "PortMappings" not in container(changed, "ecsdemo-backend")
    assert "HealthCheck" not in container(changed, "ecsdemo-backend")
    assert "ServiceRegistries" not in changed.only(SERVICE, "AWS::ECS::Service")
    assert "SecurityGroupIngress" not in changed.only(SERVICE, "AWS::EC2::SecurityGroup")
    changed.service.resource_count_is("AWS::ServiceDiscovery::Service", 0)


def the_service_scales_on_the_number_that_its_tasks_log(changed: Synthesis) -> None:
    changed.service.has_resource_properties(
        "AWS::Logs::MetricFilter",
        {
            "FilterPattern": '{ $.jobs = "*" }',
            "MetricTransformations": [Match.object_like({"MetricValue": "$.jobs"})],
        },
    )
    tracked = Match.object_like({"MetricName": "ecsdemo-backend-Jobs", "Statistic": "Average"})
    changed.service.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "TargetTrackingScalingPolicyConfiguration": {
                "CustomizedMetricSpecification": tracked,
                "TargetValue": 20,
            }
        },
    )


def a_new_value_deploys_the_service_again(changed: Synthesis) -> None:
    pattern = changed.only(SERVICE, "AWS::Events::Rule")["EventPattern"]
    secrets = container(changed, "ecsdemo-backend")["Secrets"]
    assert len(pattern["resources"]) == len(secrets) == 2
    for secret, arn in zip(secrets, pattern["resources"], strict=True):
        assert secret["ValueFrom"].startswith(arn)
    machine = changed.only(SERVICE, "AWS::StepFunctions::StateMachine")
    assert '"ForceNewDeployment":true' in str(machine["DefinitionString"])
    assert allowed(changed, machine["RoleArn"]) == {"ecs:UpdateService"}


def callers_find_the_service_by_dns_and_by_service_connect(changed: Synthesis) -> None:
    service = changed.only(SERVICE, "AWS::ECS::Service")
    (endpoint,) = service["ServiceConnectConfiguration"]["Services"]
    (port,) = container(changed, "ecsdemo-backend")["PortMappings"]
    assert endpoint["PortName"] == port["Name"]
    assert endpoint["ClientAliases"] == [{"DnsName": "ecsdemo-backend", "Port": 3000}]
    by_dns = changed.only(SERVICE, "AWS::ServiceDiscovery::Service")
    assert len(service["ServiceRegistries"]) == 1
    assert endpoint["DiscoveryName"] != by_dns["Name"]


def callers_may_call_both_ports(changed: Synthesis) -> None:
    ports = [m["ContainerPort"] for m in container(changed, "ecsdemo-backend")["PortMappings"]]
    rules = changed.only(SERVICE, "AWS::EC2::SecurityGroup")["SecurityGroupIngress"]
    assert ports == [rule["FromPort"] for rule in rules] == [3000, 9090]
    assert {rule["CidrIp"] for rule in rules} == {"10.0.0.0/16"}


PROMISES: dict[str, Promise] = {
    "efs-volume": tasks_mount_a_file_system_that_outlives_them,
    "fargate-spot": most_tasks_beside_the_first_run_on_spot,
    "firelens": the_lines_reach_the_log_group_of_the_alarms_through_fluent_bit,
    "opentelemetry-sidecar": a_collector_beside_the_service_may_write_traces,
    "own-metric": the_service_scales_on_the_number_that_its_tasks_log,
    "restart-on-new-secret": a_new_value_deploys_the_service_again,
    "scheduled-task": a_schedule_runs_the_task_definition_of_the_template,
    "second-port": callers_may_call_both_ports,
    "service-connect": callers_find_the_service_by_dns_and_by_service_connect,
    "worker": nobody_can_call_the_worker,
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_is_small(name: str) -> None:
    recipe = Recipe.of_page(name)
    assert 0 < recipe.changed_lines <= MOST_LINES
    assert 0 < len(recipe.files) <= MOST_FILES


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_does_what_its_page_says(name: str, tmp_path: Path) -> None:
    with Recipe.of_page(name).app(tmp_path) as app:
        assembly = app.synth()
    changed = Synthesis(assembly, {stack.stack_name: stack.template for stack in assembly.stacks})
    assert [message.entry for stack in assembly.stacks for message in stack.messages] == []
    assert findings(changed.templates[SERVICE], REGION) == []
    PROMISES[name](changed)
    deliveries_still_work(changed)


def deliveries_still_work(changed: Synthesis) -> None:
    """The rollout may pass every role, and replaces the image of the service's container only."""
    roles = [definition(changed)[key] for key in ("TaskRoleArn", "ExecutionRoleArn")]
    (rollout,) = (
        {"Ref": key}
        for key in changed.resources(SERVICE, "AWS::IAM::Role")
        if "DeployRolloutRole" in key
    )
    statements = changed.granted(SERVICE, rollout)
    (passed,) = (s["Resource"] for s in statements if s["Action"] == "iam:PassRole")
    assert all(role in passed for role in roles)
    images = {c["Name"]: str(c["Image"]) for c in definition(changed)["ContainerDefinitions"]}
    assert ":live" in images.pop("ecsdemo-backend")
    assert not [image for image in images.values() if ":live" in image]


def definition(changed: Synthesis) -> dict[str, Any]:
    return changed.only(SERVICE, "AWS::ECS::TaskDefinition")


def container(changed: Synthesis, name: str) -> dict[str, Any]:
    (found,) = (c for c in definition(changed)["ContainerDefinitions"] if c["Name"] == name)
    return dict(found)


def log_group_of(found: dict[str, Any]) -> Any:
    return found["LogConfiguration"]["Options"]["awslogs-group"]


def allowed(changed: Synthesis, role: dict[str, Any]) -> set[str]:
    """Return the actions that the policies of a role allow."""
    statements = changed.granted(SERVICE, role)
    actions = [s["Action"] for s in statements]
    return {a for of_one in actions for a in ([of_one] if isinstance(of_one, str) else of_one)}
