"""What the sides of a delivery must agree on."""

import json
import re
from collections.abc import Iterator

from tools.rehearsal.tests.pipeline.recorded_build import PASSWORD, RecordedBuild, record_commands
from tools.rehearsal.tests.pipeline.sides import Sides

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html; ECR takes the tags
# that docker takes.
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def violations(sides: Sides, build: RecordedBuild) -> list[str]:
    """Say everything that does not fit together after a build; nothing if the delivery can work."""
    if not build.result.succeeded:
        return [f"the build fails: {build.result.failure}\n{build.result.log}"]
    artifact = build.result.artifact
    if list(artifact) != [sides.deploy_file]:
        return [f"the artifact holds {list(artifact)}, the deploy action reads {sides.deploy_file}"]
    return [
        *_of_image(sides, build),
        *_of_docker(sides, build),
        *(_of_sample(sides, build) if sides.of_the_sample else ()),
        *_of_promotion(sides, build),
    ]


def image_of(build: RecordedBuild) -> dict[str, str]:
    """The only entry of the image-definitions file."""
    (content,) = build.result.artifact.values()
    (definition,) = json.loads(content)
    return {str(key): str(value) for key, value in definition.items()}


def _of_image(sides: Sides, build: RecordedBuild) -> Iterator[str]:
    image = image_of(build)
    name, _, tag = image["imageUri"].partition(":")
    if name != sides.repository_uri:
        yield f"the image is in {name}, the repository is {sides.repository_uri}"
    if not TAG.fullmatch(tag):
        yield f"ECR takes no tag {tag}"
    if image["name"] not in sides.containers:
        yield f"the task definition has no container {image['name']}"
        return
    (started,) = [i for c, i in sides.containers.items() if c == image["name"]]
    if f"{name}:{tag}" == started:
        yield f"the build gives {started} away"


def _of_sample(sides: Sides, build: RecordedBuild) -> Iterator[str]:
    image = image_of(build)
    started = sides.containers.get(image["name"], "")
    caches = {words[words.index("--cache-from") + 1] for words in build.docker("build")}
    if caches != {started}:
        yield f"layers come from {caches}, in service is {started}"
    port = sides.ports.get(image["name"], "")
    if f"SERVICE_PORT={port}" not in build.docker("build")[-1]:
        yield f"the image does not listen on {port} by itself"
    test, service = build.docker("build")
    if test[:2] != ["--target", "test"]:
        yield f"no tests before the image: {test}"
    if f"REVISION={image['imageUri'].partition(':')[2]}" not in service:
        yield "the image does not know its own revision"


def _of_docker(sides: Sides, build: RecordedBuild) -> Iterator[str]:
    commands = [words[1] for words in build.calls if words[0] == "docker"]
    builds = ["build"] * (2 if sides.of_the_sample else 1)
    if commands != ["login", *builds, "push"]:
        yield f"docker was called for {commands}"
        return
    image = image_of(build)["imageUri"]
    (login,), (push,) = build.docker("login"), build.docker("push")
    if login[-1] != sides.repository_uri.partition("/")[0] or build.password != PASSWORD:
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


def _of_promotion(sides: Sides, build: RecordedBuild) -> Iterator[str]:
    repository, tag = sides.repository_uri.partition("/")[2], image_of(build)["imageUri"].split(":")
    before = len(build.calls)
    result = record_commands(sides.promote_commands, build)
    if not result.succeeded:
        yield f"the promotion fails: {result.failure}\n{result.log}"
        return
    asked = [words for words in build.calls[before:] if words[:2] == ["aws", "ecs"]]
    for option, name in (("--cluster", sides.cluster), ("--services", sides.service)):
        named = {words[words.index(option) + 1] for words in asked if option in words}
        if named != {name}:
            yield f"the promotion looks at {named}, the service is {option} {name}"
    calls = [words for words in build.calls[before:] if words[:2] == ["aws", "ecr"]]
    if not all(words[words.index("--repository-name") + 1] == repository for words in calls):
        yield f"the promotion is not about {repository}"
    if f"imageTag={tag[-1]}" not in calls[0]:
        yield f"the promotion does not ask for {tag[-1]}"
    live = calls[-1][calls[-1].index("--image-tag") + 1] if "put-image" in calls[-1] else ""
    if not all(image.endswith(f":{live}") for image in sides.containers.values()):
        yield f"the promotion tags {live!r}, the task definition names another"
