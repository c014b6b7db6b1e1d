"""The ECR repositories, and the tag ``live``."""

import json
from typing import Any

import pytest

from backend_service.image_repository import KEPT_BUILDS, KEPT_RELEASES
from backend_service.names import LIVE_TAG
from tests.synthesis import TOPOLOGIES, synthesise

SERVICE = "BackendServiceStack"
REPOSITORY = "AWS::ECR::Repository"
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
def test_the_newest_images_are_kept_and_an_index_counts_as_one(name: str, kept: int) -> None:
    """Images that an index names have no tag, and ECR does not expire them before the index."""
    tagged, untagged = lifecycle_rules(name)[-2:]
    assert tagged["action"] == untagged["action"] == {"type": "expire"}
    assert tagged["selection"] == {
        "tagStatus": "tagged",
        "tagPatternList": ["*"],
        "countType": "imageCountMoreThan",
        "countNumber": kept,
    }
    assert untagged["selection"] == {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countNumber": 1,
        "countUnit": "days",
    }


def test_another_repository_name_leaves_what_was_delivered() -> None:
    assert repository(RELEASED)["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", [RELEASED, BUILDS])
def test_images_are_scanned_on_push_and_deleted_with_the_stack(name: str) -> None:
    assert repository(name)["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository(name)["Properties"]["EmptyOnDelete"] is True
    assert repository(name)["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("topology", sorted(TOPOLOGIES.keys() - {"promoted"}))
def test_no_repository_has_a_policy_of_its_own(topology: str) -> None:
    """The policies of the roles alone allow pulls and pushes, unless another account may read."""
    found = synthesise(**TOPOLOGIES[topology]).resources(SERVICE, REPOSITORY)
    assert len(found) == 2
    assert "RepositoryPolicyText" not in str(found)
