"""Secrets by reference, as ECS reads them."""

from typing import Any

import pytest
from aws_cdk import CfnResource
from aws_cdk import aws_ecs as ecs

from backend_service.container_secrets import ContainerSecrets
from tests.synthesis import PARAMETER, SECRET, empty_stack, template_of


def container_secrets(**arns: str) -> ContainerSecrets:
    return ContainerSecrets(empty_stack(), "Secrets", arns=arns)


@pytest.mark.parametrize(
    "value_from",
    [
        f"{SECRET}:password::",
        f"{SECRET}:password:AWSPREVIOUS:",
        f"{SECRET}::AWSPREVIOUS:",
        SECRET,
        PARAMETER,
    ],
)
def test_the_reference_reaches_the_container_as_it_was_written(value_from: str) -> None:
    stack = empty_stack()
    definition = ecs.FargateTaskDefinition(stack, "Definition")
    definition.add_container(
        "Container",
        image=ecs.ContainerImage.from_registry("shop"),
        secrets=ContainerSecrets(stack, "Secrets", arns={"A": value_from}).by_name,
    )
    assert secrets_of(template_of(stack)) == [{"Name": "A", "ValueFrom": value_from}]


def test_the_role_reads_the_secret_whatever_key_of_it_is_used() -> None:
    secrets = container_secrets(A=f"{SECRET}:user::", B=f"{SECRET}:password::")
    assert (secrets.secret_arns, secrets.parameter_arns) == ({SECRET}, set())


def test_parameters_are_told_from_secrets() -> None:
    secrets = container_secrets(A=PARAMETER)
    assert (secrets.secret_arns, secrets.parameter_arns) == (set(), {PARAMETER})


def test_it_creates_nothing() -> None:
    stack = empty_stack()
    ContainerSecrets(stack, "Secrets", arns={"A": SECRET, "B": PARAMETER})
    assert not any(CfnResource.is_cfn_resource(child) for child in stack.node.find_all())


def secrets_of(template: dict[str, Any]) -> Any:
    (definition,) = (
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::ECS::TaskDefinition"
    )
    return definition["ContainerDefinitions"][0]["Secrets"]
