"""The ECR repository and the tag ``live``."""

import json
from typing import Any

import pytest

from backend_service.image_repository import KEPT_BUILDS, LIVE_TAG, ImageRepository
from tests.synthesis import TOPOLOGIES, empty_stack, synthesise, template_of


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


def test_only_the_newest_builds_are_kept(repository: dict[str, Any]) -> None:
    _, second = lifecycle_rules(repository)
    assert second["action"] == {"type": "expire"}
    assert second["selection"] == {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": KEPT_BUILDS,
    }


def test_it_is_emptied_and_deleted_with_the_stack(repository: dict[str, Any]) -> None:
    assert repository["Properties"]["EmptyOnDelete"] is True
    assert repository["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_nobody_is_let_in_by_a_policy_of_the_repository(topology: str) -> None:
    """Who may pull or push is said by the policies of the roles, and only there."""
    properties = synthesise(**TOPOLOGIES[topology]).only(
        "BackendServiceStack", "AWS::ECR::Repository"
    )
    assert "RepositoryPolicyText" not in properties


def lifecycle_rules(repository: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules in the order in which ECR applies them."""
    text = repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]
    return sorted(json.loads(text)["rules"], key=lambda rule: int(rule["rulePriority"]))
