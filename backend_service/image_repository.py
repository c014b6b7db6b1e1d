"""The ECR repositories of a service, and the tag of the image in service."""

from typing import cast

from aws_cdk import CfnDeletionPolicy, CfnResource, Duration, RemovalPolicy, Tags
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from backend_service.names import LIVE_TAG
from core_infra.logs import KEEP
from settings import ServiceSettings

KEPT_RELEASES = 50
"""How many released images the repository keeps, for a return to an older one: weeks of deliveries
for a team that delivers twice a day."""

KEPT_BUILDS = 20
"""How many builds the repository keeps until they are released. While a build waits for approval,
up to a week, newer builds must not push it out. Builds share layers, so each one costs only the
storage of its changes."""

PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""The actions of a client that pushes an image.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html"""

PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""The actions of a client that pulls an image: those of AmazonEC2ContainerRegistryPullOnly.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/security-iam-awsmanpol.html"""

OWNER_TAG = "images-of"
"""The tag of the repository of released images; its value is the full name of the service."""

_LEFT_OVER_AFTER = Duration.days(1)
"""An image is without a tag until all of it is there, and after no tag names it any more."""


class ImageRepositories(Construct):
    """Two repositories: ``released`` for the images of the service, ``builds`` to push builds to.

    ``released`` has one immutable tag per release and the movable tag ``live``. It keeps the image
    tagged ``live`` and the newest ``KEPT_RELEASES`` releases. ``builds`` has one immutable tag per
    build, and keeps the newest ``KEPT_BUILDS``. Both scan images on push, so approvers can see the
    findings, and are emptied and deleted with the stack, unless ``keep_images`` is set. A change of
    ``ecr_repository_name`` leaves the released images under the old name.

    ``image_reader_accounts`` may pull from ``released``. Deliveries take their images from
    ``source``: the repository ``source_arn``, which may be in another account, or ``builds``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        source_arn: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.released = ecr.Repository(
            self,
            "Released",
            repository_name=service.ecr_repository_name,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE_WITH_EXCLUSION,
            image_tag_mutability_exclusion_filters=[
                ecr.ImageTagMutabilityExclusionFilter.wildcard(LIVE_TAG)
            ],
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
            lifecycle_rules=[
                # ECR never expires an image by a rule if a rule of higher priority matches it. The
                # first rule can expire nothing, so it protects the image in service.
                # https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
                ecr.LifecycleRule(
                    rule_priority=1,
                    description="The image in service stays",
                    tag_status=ecr.TagStatus.TAGGED,
                    tag_pattern_list=[LIVE_TAG],
                    max_image_count=1,
                ),
                *_newest_stay(KEPT_RELEASES, "releases", priority=2),
            ],
        )
        for account in service.image_reader_accounts:  # whose policies say which roles may
            self.released.grant(iam.AccountPrincipal(account), *PULL)
        Tags.of(self.released).add(OWNER_TAG, service.full_name)
        resource = cast("CfnResource", self.released.node.default_child)
        resource.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
        self.builds = ecr.Repository(
            self,
            "Builds",
            repository_name=service.builds_repository_name,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
            lifecycle_rules=_newest_stay(KEPT_BUILDS, "builds", priority=1),
        )
        self.source: ecr.IRepository = self.builds
        if source_arn:
            self.source = ecr.Repository.from_repository_arn(self, "Source", source_arn)
        if service.keep_images:
            for repository in (self.released, self.builds):
                # empty_on_delete stays: ECR deletes only an empty repository when CloudFormation
                # rolls the creation of the stack back.
                repository.apply_removal_policy(KEEP)


def _newest_stay(count: int, what: str, *, priority: int) -> list[ecr.LifecycleRule]:
    """Return rules for images with a tag, and for what they leave behind.

    An index has a tag, and the images that it names have none: so it counts as one image. ECR
    expires no image that an index names.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    return [
        ecr.LifecycleRule(
            rule_priority=priority,
            description=f"The newest {count} {what} stay",
            tag_status=ecr.TagStatus.TAGGED,
            tag_pattern_list=["*"],
            max_image_count=count,
        ),
        ecr.LifecycleRule(
            rule_priority=priority + 1,
            description="What no tag and no index names goes",
            tag_status=ecr.TagStatus.UNTAGGED,
            max_image_age=_LEFT_OVER_AFTER,
        ),
    ]
