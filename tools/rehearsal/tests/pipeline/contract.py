"""What the sides of a delivery must agree on."""

import re
from collections.abc import Iterator

from backend_service.release.function import ActionError, Service, tag_and_digest
from tools.rehearsal.tests.pipeline.recorded_build import DIGEST, PASSWORD, RecordedBuild
from tools.rehearsal.tests.pipeline.sides import Sides

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html; ECR takes the tags
# that docker takes.
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def violations(sides: Sides, build: RecordedBuild) -> list[str]:
    """Say everything that does not fit together after a build; nothing if the delivery can work."""
    if not build.result.succeeded:
        return [f"the build fails: {build.result.failure}\n{build.result.log}"]
    if sides.asked_for not in build.result.exported:
        return [f"exported is {list(build.result.exported)}, asked for {sides.asked_for}"]
    return [
        *_of_image(sides, build),
        *_of_docker(sides, build),
        *(_of_sample(sides, build) if sides.of_the_sample else ()),
        *_of_release(sides, build),
    ]


def tagged_image_of(build: RecordedBuild) -> str:
    """The only variable that is exported, without the digest."""
    (image,) = build.result.exported.values()
    return image.partition("@")[0]


def _of_image(sides: Sides, build: RecordedBuild) -> Iterator[str]:
    name, _, tag = tagged_image_of(build).partition(":")
    if name != sides.builds_uri:
        yield f"the image is in {name}, the repository is {sides.builds_uri}"
    if not TAG.fullmatch(tag):
        yield f"ECR takes no tag {tag}"
    caches = {words[words.index("--cache-from") + 1] for words in build.docker("build")}
    if caches != set(sides.containers.values()):
        yield f"layers come from {caches}, in service is {sides.containers}"
    if "BUILDKIT_INLINE_CACHE=1" not in build.docker("build")[-1]:
        yield "the next build finds no layers in the image"


def _of_sample(sides: Sides, build: RecordedBuild) -> Iterator[str]:
    """Only the sample's Dockerfile has tests and knows arguments."""
    (port,) = sides.ports.values()
    if f"SERVICE_PORT={port}" not in build.docker("build")[-1]:
        yield f"the image does not listen on {port} by itself"
    test, service = build.docker("build")
    if test[:2] != ["--target", "test"]:
        yield f"no tests before the image: {test}"
    if f"REVISION={tagged_image_of(build).partition(':')[2]}" not in service:
        yield "the image does not know its own revision"


def _of_docker(sides: Sides, build: RecordedBuild) -> Iterator[str]:
    commands = [words[1] for words in build.calls if words[0] == "docker"]
    builds = ["build"] * (2 if sides.of_the_sample else 1)
    if commands != ["login", *builds, "push"]:
        yield f"docker was called for {commands}"
        return
    image = tagged_image_of(build)
    (login,), (push,) = build.docker("login"), build.docker("push")
    if login[-1] != sides.builds_uri.partition("/")[0] or build.password != PASSWORD:
        yield f"the login is not one at the repository's registry: {login}"
    built = build.docker("build")
    if built[-1][:2] != ["--tag", image] or push != [image]:
        yield f"{image} is deployed, but {built[-1][:2]} is built and {push} pushed"
    for words in built:
        dockerfile = words[words.index("--file") + 1] if "--file" in words else "Dockerfile"
        if not (build.source / dockerfile).is_file():
            yield f"there is no {dockerfile}"
        if not (build.source / words[-1]).is_dir():
            yield f"there is no folder {words[-1]}"


def _of_release(sides: Sides, build: RecordedBuild) -> Iterator[str]:
    """The function takes what the build has exported, and looks at the same service."""
    service = Service.of_environment(sides.release)
    if service.definitions_file != sides.deploy_file:
        yield f"the release writes {service.definitions_file}, the deploy reads {sides.deploy_file}"
    if service.container not in sides.containers:
        yield f"the task definition has no container {service.container}"
    try:
        tag, digest = tag_and_digest(build.result.exported[sides.asked_for], service)
    except ActionError as error:
        yield f"the release refuses it: {error}"
        return
    if not tagged_image_of(build).endswith(f":{tag}") or digest != DIGEST:
        yield f"the release copies {tag}, {digest}"
    if (service.cluster, service.name) != (sides.cluster, sides.service):
        yield f"the promotion looks at {service.name} on {service.cluster}"
    live = f"{service.repository}:{service.live_tag}"
    if set(sides.containers.values()) != {live}:
        yield f"the promotion moves {live}, the task definition names another"
