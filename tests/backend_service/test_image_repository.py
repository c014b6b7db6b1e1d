"""The ECR repositories, the tag ``live``, and the first image.

The permissions of the copy's role are in tests/test_roles.py.
"""

import json
from typing import Any

import pytest

from backend_service.image_repository import KEPT_BUILDS, KEPT_RELEASES
from backend_service.names import LIVE_TAG
from tests.synthesis import CONNECTED, TOPOLOGIES, synthesise

SERVICE = "BackendServiceStack"
REPOSITORY = "AWS::ECR::Repository"
COPY = "Custom::CDKECRDeployment"
RELEASED, BUILDS = "ecsdemo-backend", "ecsdemo-backend/builds"


def repository(name: str) -> dict[str, Any]:
    found = synthesise().resources(SERVICE, REPOSITORY).values()
    return {r["Properties"]["RepositoryName"]: r for r in found}[name]


def lifecycle_rules(name: str) -> list[dict[str, Any]]:
    """Return the rules in the order in which ECR applies them."""
    text = repository(name)["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]
    return sorted(json.loads(text)["rules"], key=lambda rule: int(rule["rulePriority"]))


def test_no_tag_but_live_can_be_moved() -> None:
    released, builds = repository(RELEASED)["Properties"], repository(BUILDS)["Properties"]
    assert released["ImageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert released["ImageTagMutabilityExclusionFilters"] == [
        {
            "ImageTagMutabilityExclusionFilterType": "WILDCARD",
            "ImageTagMutabilityExclusionFilterValue": LIVE_TAG,
        }
    ]
    assert builds["ImageTagMutability"] == "IMMUTABLE"
    assert "ImageTagMutabilityExclusionFilters" not in builds


def test_the_image_in_service_never_expires() -> None:
    # A tag is on one image at most, so "more than one" expires nothing, and later rules cannot
    # expire an image that this rule matches.
    assert lifecycle_rules(RELEASED)[0]["selection"] == {
        "tagStatus": "tagged",
        "tagPatternList": [LIVE_TAG],
        "countType": "imageCountMoreThan",
        "countNumber": 1,
    }


@pytest.mark.parametrize(("name", "kept"), [(RELEASED, KEPT_RELEASES), (BUILDS, KEPT_BUILDS)])
def test_only_the_newest_images_are_kept(name: str, kept: int) -> None:
    rule = lifecycle_rules(name)[-1]
    assert rule["action"] == {"type": "expire"}
    assert rule["selection"] == {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": kept,
    }


@pytest.mark.parametrize("name", [RELEASED, BUILDS])
def test_images_are_scanned_on_push_and_deleted_with_the_stack(name: str) -> None:
    assert repository(name)["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository(name)["Properties"]["EmptyOnDelete"] is True
    assert repository(name)["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_repository_has_a_policy_of_its_own(topology: str) -> None:
    """The policies of the roles alone allow pulls and pushes."""
    found = synthesise(**TOPOLOGIES[topology]).resources(SERVICE, REPOSITORY)
    assert len(found) == 2
    assert "RepositoryPolicyText" not in str(found)


def copy() -> dict[str, Any]:
    (resource,) = synthesise().resources(SERVICE, COPY).values()
    return dict(resource)


def seeder() -> dict[str, Any]:
    """Return the function that copies the seed."""
    token = copy()["Properties"]["ServiceToken"]["Fn::GetAtt"][0]
    return dict(synthesise().resources(SERVICE, "AWS::Lambda::Function")[token])


PRIVATE = "210987654321.dkr.ecr.eu-north-1.amazonaws.com/team/shop:1"


@pytest.mark.parametrize("image", [PRIVATE, f"{PRIVATE}@sha256:{'0' * 64}"])
def test_the_copy_may_pull_a_private_seed_from_its_repository_only(image: str) -> None:
    synthesis = synthesise(seed_image=image)
    granted = synthesis.granted(SERVICE, seeder()["Properties"]["Role"])
    (pulling,) = (s for s in granted if "eu-north-1" in str(s["Resource"]))
    assert pulling == {
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Effect": "Allow",
        "Resource": "arn:aws:ecr:eu-north-1:210987654321:repository/team/shop",
    }


def test_the_copy_has_only_properties_that_no_update_changes() -> None:
    """Any change would copy the seed over the image that was promoted last."""
    assert copy()["Properties"].keys() == {"ServiceToken", "SrcImage", "DestImage", "ImageArch"}


def test_image_and_architecture_are_parameters_so_editing_them_does_not_copy_again() -> None:
    parameters = synthesise(**CONNECTED).templates["shopBackendServiceStack"]["Parameters"]
    assert parameters["SeedImage"]["Default"] == CONNECTED["seed_image"]
    properties = copy()["Properties"]
    assert properties["SrcImage"] == {"Fn::Join": ["", ["docker://", {"Ref": "SeedImage"}]]}
    assert properties["ImageArch"] == {"Ref": "SeedArchitecture"}


def test_another_repository_gets_another_copy() -> None:
    """A rollback of an update would copy the old seed over the image that was promoted last."""
    (copied,) = synthesise().resources(SERVICE, COPY)
    assert copied not in synthesise(ecr_repository_name="elsewhere").resources(SERVICE, COPY)


def test_the_copy_is_tagged_live_in_the_repository_of_the_service() -> None:
    *_, repository_ref, tag = copy()["Properties"]["DestImage"]["Fn::Join"][1]
    target = synthesise().resources(SERVICE, REPOSITORY)[repository_ref["Ref"]]
    assert (target["Properties"]["RepositoryName"], tag) == (RELEASED, ":live")


def test_the_copy_waits_for_the_policy_of_its_role() -> None:
    role = seeder()["Properties"]["Role"]["Fn::GetAtt"][0]
    policies = [
        key
        for key, policy in synthesise().resources(SERVICE, "AWS::IAM::Policy").items()
        if {"Ref": role} in policy["Properties"]["Roles"]
    ]
    assert set(policies) < set(copy()["DependsOn"])


def test_the_copy_runs_outside_the_vpc_so_it_needs_no_nat_gateway() -> None:
    assert "VpcConfig" not in seeder()["Properties"]
