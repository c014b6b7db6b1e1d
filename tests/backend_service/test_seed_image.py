"""The first image."""

from typing import Any

from tests.synthesis import CONNECTED, synthesise

SERVICE = "BackendServiceStack"
FUNCTION = "AWS::Lambda::Function"


def copy() -> dict[str, Any]:
    (resource,) = synthesise().resources(SERVICE, "Custom::CDKECRDeployment").values()
    return dict(resource)


def seeder() -> dict[str, Any]:
    token = copy()["Properties"]["ServiceToken"]["Fn::GetAtt"][0]
    return dict(synthesise().resources(SERVICE, FUNCTION)[token])


def statements() -> list[dict[str, Any]]:
    return synthesise().granted(SERVICE, seeder()["Properties"]["Role"])


def test_the_source_is_a_parameter_so_that_an_edited_seed_is_not_copied_again() -> None:
    parameters = synthesise(**CONNECTED).templates["shopBackendServiceStack"]["Parameters"]
    assert parameters["SeedImage"]["Default"] == CONNECTED["seed_image"]
    assert copy()["Properties"]["SrcImage"] == {
        "Fn::Join": ["", ["docker://", {"Ref": "SeedImage"}]]
    }


def test_an_edited_architecture_is_not_copied_again_either() -> None:
    assert copy()["Properties"]["ImageArch"] == {"Ref": "SeedArchitecture"}


def test_another_repository_is_another_copy_so_that_no_rollback_repeats_the_old_one() -> None:
    (copied,) = synthesise().resources(SERVICE, "Custom::CDKECRDeployment")
    elsewhere = synthesise(ecr_repository_name="elsewhere")
    assert copied not in elsewhere.resources(SERVICE, "Custom::CDKECRDeployment")


def test_the_image_is_tagged_live_in_the_repository_of_the_service() -> None:
    (repository,) = synthesise().resources(SERVICE, "AWS::ECR::Repository")
    destination = copy()["Properties"]["DestImage"]["Fn::Join"][1]
    assert destination[-2:] == [{"Ref": repository}, ":live"]


def test_the_copy_waits_for_the_policy_of_its_role() -> None:
    role = seeder()["Properties"]["Role"]["Fn::GetAtt"][0]
    policies = [
        key
        for key, policy in synthesise().resources(SERVICE, "AWS::IAM::Policy").items()
        if {"Ref": role} in policy["Properties"]["Roles"]
    ]
    assert set(policies) < set(copy()["DependsOn"])


def test_it_runs_outside_the_vpc_so_that_it_needs_no_nat_gateway() -> None:
    assert "VpcConfig" not in seeder()["Properties"]


def test_it_may_push_to_this_repository_only() -> None:
    (repository,) = synthesise().resources(SERVICE, "AWS::ECR::Repository")
    pushing = [s["Resource"] for s in statements() if "ecr:PutImage" in s["Action"]]
    assert pushing == [{"Fn::GetAtt": [repository, "Arn"]}]


def test_without_a_resource_it_may_sign_in_to_registries_and_nothing_else() -> None:
    (anywhere,) = (s["Action"] for s in statements() if s["Resource"] == "*")
    assert anywhere == [
        "ecr-public:GetAuthorizationToken",
        "ecr:GetAuthorizationToken",
        "sts:GetServiceBearerToken",
    ]


def test_it_writes_to_a_log_group_of_the_stack() -> None:
    log_group = seeder()["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    groups = synthesise().resources(SERVICE, "AWS::Logs::LogGroup")
    assert groups[log_group]["DeletionPolicy"] == "Delete"
    writing = [s["Resource"] for s in statements() if "logs:PutLogEvents" in s["Action"]]
    assert writing == [{"Fn::GetAtt": [log_group, "Arn"]}]


def test_the_log_group_that_cdk_would_leave_behind_is_gone() -> None:
    groups = synthesise().resources(SERVICE, "AWS::Logs::LogGroup").values()
    assert all(group["DeletionPolicy"] == "Delete" for group in groups)
