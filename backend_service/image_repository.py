"""The ECR repository of a service, and the tag that names the image in service."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ecr as ecr
from constructs import Construct

LIVE_TAG = "live"
"""Names the image that the service runs. Only the seed and the pipeline's promotion move it."""

KEPT_BUILDS = 50
"""How many builds stay in the repository for a return to an older image."""


_LIVE = ecr.ImageTagMutabilityExclusionFilter.wildcard(LIVE_TAG)


class ImageRepository(Construct):
    """An ECR repository with one immutable tag per build and the movable tag ``live``.

    Scans on push, keeps the image tagged ``live`` and the newest ``KEPT_BUILDS`` images, and is
    emptied when the stack is deleted. Exposes ``repository``.
    """

    def __init__(self, scope: Construct, construct_id: str, *, repository_name: str) -> None:
        super().__init__(scope, construct_id)
        self.repository = ecr.Repository(
            self,
            "Repository",
            repository_name=repository_name,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE_WITH_EXCLUSION,
            image_tag_mutability_exclusion_filters=[_LIVE],
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
            lifecycle_rules=[
                # An image that a rule of higher priority matches is never expired by a later
                # rule, so this one, which can expire nothing, protects the image in service.
                # https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
                ecr.LifecycleRule(
                    rule_priority=1,
                    description="The image in service stays",
                    tag_status=ecr.TagStatus.TAGGED,
                    tag_pattern_list=[LIVE_TAG],
                    max_image_count=1,
                ),
                ecr.LifecycleRule(
                    rule_priority=2,
                    description=f"The newest {KEPT_BUILDS} builds stay",
                    tag_status=ecr.TagStatus.ANY,
                    max_image_count=KEPT_BUILDS,
                ),
            ],
        )
