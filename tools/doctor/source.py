"""Where the image comes from: the Dockerfile or another repository; and its health check."""

from pathlib import Path

from cdk_rehearsal.pipelines.source_tree import SourceError
from settings import ServiceSettings, Settings
from settings.redaction import shown_name
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Result, not_checked, note, ok, problem
from tools.init.dockerfile import DockerfileError, parse_dockerfile
from tools.init.proposal import FIRST_IMAGE, NO_HEALTH_CHECK, TWO_STEPS
from tools.init.repository import Repository
from tools.repository import ROOT

_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_OFFICIAL_IMAGES = "public.ecr.aws/docker/library"
_SAMPLE_IMAGE = ServiceSettings.model_fields["seed_image"].default
_SAMPLE_CHECK = ServiceSettings.model_fields["health_check_command"].default


def dockerfile(source: Path | None, settings: Settings, _: Aws) -> Result:
    """Look for the committed Dockerfile, and name what the build would pull from Docker Hub.

    ``source`` is None if the folder of the repository is unknown.
    """
    delivery = settings.delivery
    path = shown_name(delivery.dockerfile)
    if source is None:
        return not_checked(
            f"the doctor does not know the folder that has {path}",
            "add SOURCE=<folder of the repository>",
        )
    folder = shown_name(str(source))
    wanted = f"{delivery.repository_owner}/{delivery.repository_name}"
    try:
        repository = Repository(source)
        remote = repository.remote
        found = f"{remote.owner}/{remote.name}" if remote else wanted
        # A clone of the blueprint itself may have any name.
        if source != ROOT and found.lower() != wanted.lower():
            return problem(
                f"{folder} is {found}, not {wanted}",
                "correct repository_owner and repository_name, or SOURCE=",
            )
        if delivery.dockerfile not in repository.files:
            return problem(
                f"{path} is not in commit {repository.commit} of {folder}",
                "commit it, or correct folder_path and dockerfile_path",
            )
        parsed = parse_dockerfile(repository.read(delivery.dockerfile))
    except (SourceError, DockerfileError) as error:
        return not_checked(str(error))
    limited = [image for image in parsed.pulled if is_from_docker_hub(image)]
    if not limited:
        return ok(f"{path} is committed, and takes nothing from Docker Hub")
    return note(
        f"{shown_name(', '.join(limited))}: from Docker Hub, which limits anonymous pulls by "
        "address, and CodeBuild shares its addresses",
        f"take official images from {_OFFICIAL_IMAGES}/, and copy others into a registry",
    )


def images(arn: str, settings: Settings, aws: Aws) -> Result:
    """Say whether the repository exists whose images are delivered."""
    _, _, _, region, account, resource = arn.split(":")
    name = resource.partition("/")[2]
    if (region, account) != (settings.aws_region, settings.account_number):
        remedy = "look whether it exists there"
        if account != settings.account_number:
            remedy = f"there it must admit {settings.account_number}: image_reader_accounts"
        return not_checked(f"{name} is in {account}, {region}", remedy)
    if name == settings.service.builds_repository_name:
        return ok(f"{name} comes with the deploy; docs/images-from-elsewhere.md has a role to push")
    describe = aws.client("ecr").describe_repositories
    if reply_or_none(describe, "RepositoryNotFoundException", repositoryNames=[name]) is None:
        return problem(f"there is no {name}", "correct image_source_repository_arn")
    return ok(f"{name} exists")


def is_from_docker_hub(image: str) -> bool:
    """Say whether the name of an image has no registry, or names Docker Hub."""
    host, slash, _ = image.partition("/")
    has_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    return not has_host or host in _DOCKER_HUB


def health_check(settings: Settings, aws: Aws) -> Result:
    """Say whether ECS checks the containers, and whether the first image can pass that check."""
    service = settings.service
    if service.health_check_command is None:
        return note(
            NO_HEALTH_CHECK,
            "set health_check_command after the first delivery, to a command that your image has",
        )
    image, command = service.seed_image, service.health_check_command[-1]
    if (image, command) == (_SAMPLE_IMAGE, _SAMPLE_CHECK):
        return ok("there is one, and the first image passes it")
    if aws.stack_resources(settings.service_stack_name).get("AWS::ECS::Service"):
        return ok("there is one")
    if image == FIRST_IMAGE:
        return problem(
            f"the first image, {image}, cannot pass it: the first deploy would fail",
            TWO_STEPS,
        )
    return note(
        f"the first image, {image}, has to pass it too, or the first deploy fails",
        f"else {TWO_STEPS}",
    )
