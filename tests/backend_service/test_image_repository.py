"""The ECR repositories, the tag ``live``, and the first image."""

import json
from typing import Any

import pytest

from backend_service.image_repository import (
    KEPT_BUILDS,
    KEPT_RELEASES,
    BuildsRepository,
    ImageRepository,
)
from backend_service.names import LIVE_TAG
from tests.synthesis import CONNECTED, TOPOLOGIES, empty_stack, synthesise, template_of

SERVICE = "BackendServiceStack"
FUNCTION = "AWS::Lambda::Function"


@pytest.fixture(scope="module")
def repository() -> dict[str, Any]:
    stack = empty_stack()
    ImageRepository(stack, "ImageRepository", repository_name="shop")
    (resource,) = template_of(stack)["Resources"].values()
    return dict(resource)


def test_a_tag_of_a_build_can_never_be_moved_but_live_can(repository: dict[str, Any]) -> None:
    properties = repository["Properties"]
    assert properties["ImageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert properties["ImageTagMutabilityExclusionFilters"] == [
        {
            "ImageTagMutabilityExclusionFilterType": "WILDCARD",
            "ImageTagMutabilityExclusionFilterValue": LIVE_TAG,
        }
    ]


def test_images_are_scanned_on_push(repository: dict[str, Any]) -> None:
    assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_the_image_in_service_never_expires(repository: dict[str, Any]) -> None:
    first = lifecycle_rules(repository)[0]
    # One tag is on one image at most, so "more than one" expires nothing; and what this rule
    # matches no later rule can expire.
    assert first["selection"] == {
        "tagStatus": "tagged",
        "tagPatternList": [LIVE_TAG],
        "countType": "imageCountMoreThan",
        "countNumber": 1,
    }


def test_only_the_newest_releases_are_kept(repository: dict[str, Any]) -> None:
    _, second = lifecycle_rules(repository)
    assert second["action"] == {"type": "expire"}
    assert second["selection"] == {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": KEPT_RELEASES,
    }


def test_a_build_can_move_no_tag_of_the_builds_either() -> None:
    properties = builds()["Properties"]
    assert properties["ImageTagMutability"] == "IMMUTABLE"
    assert "ImageTagMutabilityExclusionFilters" not in properties


def test_few_builds_are_kept_and_none_after_the_stack() -> None:
    (rule,) = lifecycle_rules(builds())
    assert rule["selection"] == {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": KEPT_BUILDS,
    }
    assert builds()["Properties"]["EmptyOnDelete"] is True
    assert builds()["DeletionPolicy"] == "Delete"


def test_builds_are_scanned_before_anybody_approves_them() -> None:
    assert builds()["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}


def builds() -> dict[str, Any]:
    stack = empty_stack()
    BuildsRepository(stack, "Builds", repository_name="shop/builds")
    (resource,) = template_of(stack)["Resources"].values()
    return dict(resource)


def test_it_is_emptied_and_deleted_with_the_stack(repository: dict[str, Any]) -> None:
    assert repository["Properties"]["EmptyOnDelete"] is True
    assert repository["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_nobody_is_let_in_by_a_policy_of_the_repository(topology: str) -> None:
    """Who may pull or push is said by the policies of the roles, and only there."""
    found = synthesise(**TOPOLOGIES[topology]).resources(SERVICE, "AWS::ECR::Repository")
    assert len(found) == 2
    assert "RepositoryPolicyText" not in str(found)


def of_the_service() -> str:
    """Return the logical id of the repository that the template names."""
    (key,) = (
        key
        for key, resource in synthesise().resources(SERVICE, "AWS::ECR::Repository").items()
        if resource["Properties"]["RepositoryName"] == "ecsdemo-backend"
    )
    return key


def lifecycle_rules(repository: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules in the order in which ECR applies them."""
    text = repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]
    return sorted(json.loads(text)["rules"], key=lambda rule: int(rule["rulePriority"]))


PRIVATE = "210987654321.dkr.ecr.eu-north-1.amazonaws.com/team/shop:1"


@pytest.mark.parametrize("image", [PRIVATE, f"{PRIVATE}@sha256:{'0' * 64}"])
def test_of_a_private_ecr_the_copy_may_pull_from_the_repository_of_the_seed_only(
    image: str,
) -> None:
    synthesis = synthesise(seed_image=image)
    granted = synthesis.granted(SERVICE, seeder()["Properties"]["Role"])
    (pulling,) = (s for s in granted if "eu-north-1" in str(s["Resource"]))
    assert pulling == {
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Effect": "Allow",
        "Resource": "arn:aws:ecr:eu-north-1:210987654321:repository/team/shop",
    }


def test_no_update_repeats_the_copy_over_the_image_that_was_promoted_last() -> None:
    """CloudFormation calls the function again if any of these changes, or another one joins."""
    assert copy()["Properties"].keys() == {"ServiceToken", "SrcImage", "DestImage", "ImageArch"}


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
    repository = of_the_service()
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


def test_the_copy_runs_outside_the_vpc_so_that_it_needs_no_nat_gateway() -> None:
    assert "VpcConfig" not in seeder()["Properties"]


def test_the_copy_may_push_to_this_repository_only() -> None:
    repository = of_the_service()
    pushing = [s["Resource"] for s in statements() if "ecr:PutImage" in s["Action"]]
    assert pushing == [{"Fn::GetAtt": [repository, "Arn"]}]


def test_without_a_resource_the_copy_may_sign_in_to_registries_and_nothing_else() -> None:
    (anywhere,) = (s["Action"] for s in statements() if s["Resource"] == "*")
    assert anywhere == [
        "ecr-public:GetAuthorizationToken",
        "ecr:GetAuthorizationToken",
        "sts:GetServiceBearerToken",
    ]


def test_the_copy_writes_to_a_log_group_of_the_stack() -> None:
    log_group = seeder()["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    groups = synthesise().resources(SERVICE, "AWS::Logs::LogGroup")
    assert groups[log_group]["DeletionPolicy"] == "Delete"
    writing = [s["Resource"] for s in statements() if "logs:PutLogEvents" in s["Action"]]
    assert writing == [{"Fn::GetAtt": [log_group, "Arn"]}]


def test_the_log_group_that_cdk_would_leave_behind_is_gone() -> None:
    groups = synthesise().resources(SERVICE, "AWS::Logs::LogGroup").values()
    assert all(group["DeletionPolicy"] == "Delete" for group in groups)
