"""Every recipe of docs/recipes applies to this revision, is small, and does what its page says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Match

from docs.recipes.recipe import RECIPES, Recipe
from tests.synthesis import Synthesis
from tests.template_lint import violations

STACK = "BackendServiceStack"
SERVICE = "AWS::ECS::Service"
TASK = "AWS::ECS::TaskDefinition"
SECURITY_GROUP = "AWS::EC2::SecurityGroup"
MOST_LINES = 40
MOST_FILES = 3

like = Match.object_like
SPOT = ["FARGATE", "FARGATE_SPOT"]
REVISION = like({"TaskDefinitionArn": {"Ref": Match.any_value()}})


def container(**properties: Any) -> dict[str, Any]:
    """Match a task definition that has such a container."""
    return {"ContainerDefinitions": Match.array_with([like(properties)])}


PROMISES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "opentelemetry-sidecar": {TASK: container(Name="collector", Essential=False)},
    "firelens": {
        # The alarms count the error lines of this log group.
        TASK: container(
            LogConfiguration={
                "LogDriver": "awsfirelens",
                "Options": like({"log_group_name": {"Ref": Match.string_like_regexp("^TaskLog")}}),
            }
        )
    },
    "efs-volume": {
        TASK: container(MountPoints=[like({"ContainerPath": "/data", "SourceVolume": "data"})]),
    },
    "fargate-spot": {
        "AWS::ECS::ClusterCapacityProviderAssociations": {"CapacityProviders": SPOT},
        SERVICE: {"CapacityProviderStrategy": [like({"CapacityProvider": name}) for name in SPOT]},
    },
    "scheduled-task": {
        # The revision of the template names the live tag.
        "AWS::Scheduler::Schedule": {"Target": like({"EcsParameters": REVISION})},
    },
    "worker": {
        TASK: container(PortMappings=Match.absent(), HealthCheck=Match.absent()),
        SERVICE: {"ServiceRegistries": Match.absent()},
        SECURITY_GROUP: {"SecurityGroupIngress": Match.absent()},
    },
    "own-metric": {
        "AWS::Logs::MetricFilter": {"MetricTransformations": [like({"MetricValue": "$.jobs"})]},
        "AWS::ApplicationAutoScaling::ScalingPolicy": {
            "TargetTrackingScalingPolicyConfiguration": like(
                {"CustomizedMetricSpecification": like({"MetricName": "ecsdemo-backend-Jobs"})}
            )
        },
    },
    "restart-on-new-secret": {
        "AWS::Events::Rule": {
            "EventPattern": like(
                {
                    "resources": [
                        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf",
                        "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/key",
                    ]
                }
            )
        }
    },
    "service-connect": {
        TASK: container(PortMappings=[like({"Name": "http"})]),
        SERVICE: {
            "ServiceRegistries": [Match.any_value()],
            "ServiceConnectConfiguration": like(
                # The Cloud Map service for DNS has the name ecsdemo-backend.
                {"Services": [like({"DiscoveryName": "ecsdemo-backend-connect"})]}
            ),
        },
    },
    "second-port": {
        TASK: container(PortMappings=[like({"ContainerPort": port}) for port in (3000, 9090)]),
        SECURITY_GROUP: {"SecurityGroupIngress": [like({"ToPort": port}) for port in (3000, 9090)]},
    },
}
"""What the page promises: properties by the type of a resource of either stack."""


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_is_small(name: str) -> None:
    recipe = Recipe.of_page(name)
    assert 0 < recipe.changed_lines <= MOST_LINES
    assert 0 < len(recipe.files) <= MOST_FILES


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_does_what_its_page_says(name: str, tmp_path: Path) -> None:
    with Recipe.of_page(name).app(tmp_path, template_rules=True) as app:
        assembly = app.synth()
    changed = Synthesis(assembly, {stack.stack_name: stack.template for stack in assembly.stacks})
    assert [message.entry for stack in assembly.stacks for message in stack.messages] == []
    assert violations(assembly.directory) == []
    for kind, properties in PROMISES[name].items():
        template = changed.service if changed.resources(STACK, kind) else changed.core
        template.has_resource_properties(kind, properties)
    deliveries_still_work(changed)


def deliveries_still_work(changed: Synthesis) -> None:
    """The rollout may pass both roles, and only the service's own container has its image."""
    task = changed.only(STACK, TASK)
    (rollout,) = (
        key for key in changed.resources(STACK, "AWS::IAM::Role") if "DeployRolloutRole" in key
    )
    statements = changed.granted(STACK, {"Ref": rollout})
    (passed,) = (s["Resource"] for s in statements if s["Action"] == "iam:PassRole")
    assert passed == [task["TaskRoleArn"], task["ExecutionRoleArn"]]
    live = [c["Name"] for c in task["ContainerDefinitions"] if ":live" in str(c["Image"])]
    assert live == ["ecsdemo-backend"]
