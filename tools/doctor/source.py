"""The repository of the service: its Dockerfile and buildspec; and the health check."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import yaml

from backend_service.buildspec import IMAGE_VARIABLE
from settings import ServiceSettings, Settings
from settings.redaction import shown_name
from tools.doctor.aws import Aws
from tools.doctor.check import Question, Result, not_checked, note, ok, problem
from tools.init.dockerfile import DockerfileError, parse_dockerfile
from tools.init.proposal import FIRST_IMAGE, NO_HEALTH_CHECK, is_passed_by_the_sample
from tools.init.repository import Repository, SourceError
from tools.repository import ROOT

_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_OFFICIAL_IMAGES = "public.ecr.aws/docker/library"
_SAMPLE_IMAGE = str(ServiceSettings.model_fields["seed_image"].default)


def source_questions(settings: Settings, source: Path | None) -> Iterator[Question]:
    """Yield the questions about committed files; ``source`` is None if its folder is unknown."""
    if source is None:
        yield Question("repository of the service", _unknown)
        return
    yield Question("images that the build pulls", partial(_base_images, source))
    if path := settings.delivery.buildspec_path:
        yield Question("image that the build exports", partial(_exported_image, source, path))


def _unknown(settings: Settings, _: Aws) -> Result:
    dockerfile = shown_name(settings.delivery.dockerfile)
    return not_checked(
        f"the doctor does not know the folder that has {dockerfile}",
        "add SOURCE=<folder of the repository>",
    )


def _base_images(source: Path, settings: Settings, _: Aws) -> Result:
    """Read the committed Dockerfile, and name what the build would pull from Docker Hub."""
    path = settings.delivery.dockerfile
    text = _committed(source, path, "folder_path and dockerfile_path", settings)
    if isinstance(text, Result):
        return text
    try:
        dockerfile = parse_dockerfile(text)
    except DockerfileError as error:
        return not_checked(f"{shown_name(path)}: {error}")
    limited = [image for image in dockerfile.pulled if is_from_docker_hub(image)]
    if not limited:
        return ok("none from Docker Hub")
    return note(
        f"{shown_name(', '.join(limited))}: from Docker Hub, which limits anonymous pulls by "
        "address, and CodeBuild shares its addresses",
        f"take official images from {_OFFICIAL_IMAGES}/, and copy others into a registry",
    )


def is_from_docker_hub(image: str) -> bool:
    """Say whether the name of an image has no registry, or names Docker Hub."""
    host, slash, _ = image.partition("/")
    has_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    return not has_host or host in _DOCKER_HUB


def _exported_image(source: Path, path: str, settings: Settings, _: Aws) -> Result:
    """Say whether a buildspec of the user's own exports the image that the pipeline releases."""
    text = _committed(source, path, "buildspec_path", settings)
    if isinstance(text, Result):
        return text
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return problem(f"{path} is no YAML that CodeBuild reads", "correct it")
    try:
        exported = content["env"]["exported-variables"]
    except (TypeError, KeyError):
        exported = ()
    if isinstance(exported, list) and IMAGE_VARIABLE in exported:
        return ok(f"{path} exports {IMAGE_VARIABLE}")
    return problem(
        f"{path} does not export {IMAGE_VARIABLE}: the pipeline has nothing to release",
        f"add `exported-variables: [{IMAGE_VARIABLE}]` to its env, and after the push "
        f'`export {IMAGE_VARIABLE}="${{REPO_URL}}:<tag>@sha256:<digest>"`',
    )


def _committed(source: Path, path: str, setting: str, settings: Settings) -> str | Result:
    """Return the text of a committed file, or the result if the repository does not have it."""
    delivery = settings.delivery
    wanted = f"{delivery.repository_owner}/{delivery.repository_name}"
    folder = shown_name(str(source))
    try:
        repository = Repository(source)
        remote = repository.remote
        found = f"{remote.owner}/{remote.name}" if remote else wanted
        # The blueprint's own repository may be a clone of any name.
        if source != ROOT and found.lower() != wanted.lower():
            return not_checked(
                f"{folder} is {found}, not {wanted}",
                "correct repository_owner and repository_name, or SOURCE=",
            )
        if path not in repository.files:
            return problem(
                f"{shown_name(path)} is not in commit {repository.commit} of {folder}",
                f"commit it, or correct {setting}",
            )
        return repository.read(path)
    except SourceError as error:
        return not_checked(str(error))


def health_check(settings: Settings, aws: Aws) -> Result:
    """Say whether ECS checks the containers, and whether the first image can pass that check."""
    service = settings.service
    if service.health_check_command is None:
        return note(NO_HEALTH_CHECK, "set health_check_command to one that the image can run")
    command = service.health_check_command[-1]
    if service.seed_image == _SAMPLE_IMAGE and is_passed_by_the_sample(command):
        return ok("there is one, and the first image passes it")
    if aws.stack_resources(settings.service_stack_name).get("AWS::ECS::Service"):
        return ok("there is one")
    if service.seed_image in {_SAMPLE_IMAGE, FIRST_IMAGE}:
        return problem(
            f"the first image, {service.seed_image}, cannot pass it: the first deploy would fail",
            "leave health_check_command empty until the first delivery",
        )
    return note(
        f"the first image, {service.seed_image}, has to pass it too, or the first deploy fails",
        "else leave health_check_command empty until the first delivery",
    )
