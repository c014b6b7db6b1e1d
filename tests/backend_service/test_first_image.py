"""The custom resource of the first image; what its function does is in test_seed.py."""

from typing import Any

import pytest

from tests.synthesis import CONNECTED, synthesise

SERVICE = "BackendServiceStack"
IMAGE = "Custom::FirstImage"
PRIVATE = "210987654321.dkr.ecr.eu-north-1.amazonaws.com/team/shop:1"


def first_image(**changes: str) -> dict[str, Any]:
    (resource,) = synthesise(**changes).resources(SERVICE, IMAGE).values()
    return dict(resource)


def function(**changes: str) -> dict[str, Any]:
    token = first_image(**changes)["Properties"]["ServiceToken"]["Fn::GetAtt"][0]
    return dict(synthesise(**changes).resources(SERVICE, "AWS::Lambda::Function")[token])


def test_it_names_repository_image_and_processor() -> None:
    properties = first_image(**CONNECTED)["Properties"]
    *_, repository = properties["Repository"]["Fn::Join"][1]
    assert repository["Ref"] in synthesise(**CONNECTED).resources(SERVICE, "AWS::ECR::Repository")
    assert properties["Image"] == CONNECTED["seed_image"]
    assert properties["Architecture"] == "arm64"


def test_no_change_of_the_settings_makes_another_one() -> None:
    """Another one would be asked to create, and so to copy the seed."""
    (made,) = synthesise().resources(SERVICE, IMAGE)
    changes = {"ecr_repository_name": "elsewhere", "seed_image": "registry.example.com/shop:2"}
    assert made in synthesise(**changes).resources(SERVICE, IMAGE)


def test_the_stack_has_no_parameter_on_which_the_image_in_service_rests() -> None:
    template = synthesise().templates[SERVICE]
    assert template.get("Parameters", {}).keys() <= {"BootstrapVersion"}


def test_cloudformation_waits_for_all_attempts_of_lambda() -> None:
    """Lambda waits a minute before the second attempt, and two before the third."""
    longest = 3 * function()["Properties"]["Timeout"] + 60 + 120
    assert longest < int(first_image()["Properties"]["ServiceTimeout"]) <= 3600


def test_it_waits_for_the_rights_of_the_function() -> None:
    role = function()["Properties"]["Role"]["Fn::GetAtt"][0]
    (policy,) = (
        key
        for key, policy in synthesise().resources(SERVICE, "AWS::IAM::Policy").items()
        if {"Ref": role} in policy["Properties"]["Roles"]
    )
    assert policy in first_image()["DependsOn"]


def test_the_function_runs_outside_the_vpc_so_it_needs_no_nat_gateway() -> None:
    assert "VpcConfig" not in function()["Properties"]


@pytest.mark.parametrize("image", [PRIVATE, f"{PRIVATE}@sha256:{'0' * 64}"])
def test_the_function_may_pull_a_private_seed_from_its_repository_only(image: str) -> None:
    synthesis = synthesise(seed_image=image)
    granted = synthesis.granted(SERVICE, function(seed_image=image)["Properties"]["Role"])
    (pulling,) = (s for s in granted if "eu-north-1" in str(s["Resource"]))
    assert pulling["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert "arn:aws:ecr:eu-north-1:210987654321:repository/team/shop" in pulling["Resource"]


def test_the_function_may_read_repositories_that_this_service_had_before() -> None:
    granted = synthesise().granted(SERVICE, function()["Properties"]["Role"])
    (reading,) = (s for s in granted if ":repository/*" in str(s["Resource"]))
    assert reading["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    ((key, value),) = reading["Condition"]["StringEquals"].items()
    tagged = [
        repository["Properties"]["RepositoryName"]
        for repository in synthesise().resources(SERVICE, "AWS::ECR::Repository").values()
        if {"Key": key.partition("/")[2], "Value": value}
        in repository["Properties"].get("Tags", ())
    ]
    assert tagged == ["ecsdemo-backend"]
