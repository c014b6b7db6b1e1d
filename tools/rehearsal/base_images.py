"""The private ECR repositories of base images, with the images that the Dockerfile names."""

from cdk_rehearsal import push_image
from cdk_rehearsal.pipelines import images_in_ecr
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.sample_image import SEED


def create_base_images(rehearsal: Rehearsal) -> list[str]:
    """Create ``base_image_repository_arns`` of this account and region; return what was created.

    They get the images that the Dockerfile names. The sample service stands for an image that the
    engine does not have. The report says so, and which repositories are in another registry.
    """
    context, settings = rehearsal.context, rehearsal.service.settings
    ecr, access, report = context.aws.client("ecr"), context.aws.access, context.report
    engine = rehearsal.containers.engine if rehearsal.containers else None
    registry = f"arn:aws:ecr:{access.region}:{access.account}:repository/"
    dockerfile = context.source.files.get(settings.delivery.dockerfile, b"")
    images = images_in_ecr(dockerfile.decode("utf-8", "replace"), access.account, access.region)
    created = []
    for arn in settings.delivery.base_image_repository_arns:
        repository = arn.removeprefix(registry)
        if repository == arn:
            report.leave_out(f"that the build may pull from {arn}, which is in another registry")
            continue
        ecr.create_repository(repositoryName=repository)
        created.append(f"repository {repository}")
        for image in images:
            name, _, tag = image.partition("@")[0].partition("/")[2].partition(":")
            if name != repository:
                continue
            stands_in = bool(engine and not engine.has_image(image))
            found = SEED if stands_in else image
            push_image(ecr, name, tag or "latest", image, engine_image=found, stands_in=stands_in)
            if stands_in:
                report.leave_out(f"the base image {image}: the sample service stands for it")
    return created
