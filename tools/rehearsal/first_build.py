"""One build of the service's image before the local deploy, which takes minutes."""

import subprocess

from cdk_rehearsal import ConsoleReport, ScratchDirectory, process_environment
from cdk_rehearsal.bounds import ENGINE_SECONDS
from cdk_rehearsal.pipelines import DockerCommand, Source, images_in_ecr
from settings import Settings
from tools.rehearsal.image_errors import not_built

_LAST_LINES = 40


def build_once(
    report: ConsoleReport, docker: DockerCommand, settings: Settings, source: Source
) -> None:
    """Build the image as the blueprint's own buildspec does; ``ImageError`` if that fails.

    The engine keeps the layers, so the build of the pipeline is quick. A buildspec of the service
    may do more before it builds, and base images in ECR are there only after the deploy has begun:
    then nothing is built here.
    """
    delivery = settings.delivery
    dockerfile = source.files.get(delivery.dockerfile, b"").decode("utf-8", "replace")
    in_ecr = images_in_ecr(dockerfile, settings.account_number, settings.aws_region)
    if delivery.buildspec_path or in_ecr:
        return
    secrets = dict.fromkeys(delivery.build_secrets, "made-up")
    build = ["build", "--file", delivery.dockerfile, "--build-arg", "BUILDKIT_INLINE_CACHE=1"]
    environment = {**process_environment(), **docker.variables, **secrets}
    for name in secrets:
        build += ["--secret", f"id={name},env={name}"]
    with report.step("Your Dockerfile builds") as step, ScratchDirectory("build") as scratch:
        for path, content in source.delivered.items():
            file = scratch.path / "source" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        done = subprocess.run(
            [docker.folder / "docker", *build, delivery.folder_path],
            cwd=scratch.path / "source",
            env=environment | {"PYTHONWARNINGS": "ignore"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=ENGINE_SECONDS,
            check=False,
        )
        if done.returncode:
            lines = [line for line in done.stdout.splitlines() if line.strip()][-_LAST_LINES:]
            command = f"docker build --file {delivery.dockerfile} {delivery.folder_path}"
            failure = f"exit status {done.returncode} of\n{command}"
            raise not_built(settings, "\n".join([failure, *lines]))
        step.note = f"{delivery.dockerfile}, with the files as CodePipeline delivers them"
