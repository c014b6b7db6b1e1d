"""The image: what its build pulls and hands on, and whether a running one is asked how it is."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from backend_service.buildspec import IMAGE_VARIABLE
from settings.redaction import shown_name
from tools.doctor.check import Context, Result, not_checked, note, ok, problem
from tools.init.dockerfile import DockerfileError, parse_dockerfile
from tools.init.proposal import NO_HEALTH_CHECK, from_docker_hub
from tools.init.repository import Repository, SourceError
from tools.repository import ROOT


@dataclass(frozen=True)
class BaseImages:
    """Whether the build pulls anything from Docker Hub, as the Dockerfile says.

    ``source`` is a checkout of the service's repository; without it the blueprint's own is looked
    at, which has the sample.
    """

    source: Path | None
    what = "images that the build pulls"

    def examine(self, context: Context) -> Result:
        """Read the committed Dockerfile."""
        try:
            text = _committed(context, self.source, context.settings.delivery.dockerfile)
            dockerfile = parse_dockerfile(text)
        except _NotHereError as error:
            return error.result
        except (SourceError, DockerfileError) as error:
            return not_checked(str(error))
        if not (limited := from_docker_hub(dockerfile)):
            return ok("none from Docker Hub")
        instead = ", ".join(f"{image}: {each}" for image, each in limited.items())
        return note(
            "Docker Hub limits anonymous pulls by address, and those of CodeBuild are shared",
            instead,
        )


@dataclass(frozen=True)
class ExportedImage:
    """Whether a buildspec of the service's own hands on its image; ``source`` as for BaseImages."""

    source: Path | None
    buildspec: str
    what = "image that the build exports"

    def examine(self, context: Context) -> Result:
        """Read the committed buildspec."""
        try:
            content = yaml.safe_load(_committed(context, self.source, self.buildspec))
        except _NotHereError as error:
            return error.result
        except SourceError as error:
            return not_checked(str(error))
        except yaml.YAMLError:
            return problem(f"{self.buildspec} is no YAML", "correct it")
        try:
            exported = content["env"]["exported-variables"]
        except (TypeError, KeyError):
            exported = ()
        if isinstance(exported, list) and IMAGE_VARIABLE in exported:
            return ok(f"{self.buildspec} exports {IMAGE_VARIABLE}")
        return problem(
            f"{self.buildspec} does not export {IMAGE_VARIABLE}: the pipeline has nothing to "
            "release",
            f"add `exported-variables: [{IMAGE_VARIABLE}]` to its env, and after the push "
            f'`export {IMAGE_VARIABLE}="${{REPO_URL}}:<tag>@sha256:<digest>"`',
        )


class _NotHereError(Exception):
    """The repository of the service is not the one that can be looked at."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.line)
        self.result = result


def _committed(context: Context, source: Path | None, name: str) -> str:
    """Return a committed file of the service; ``SourceError`` if it cannot be read."""
    delivery = context.settings.delivery
    wanted = f"{delivery.repository_owner}/{delivery.repository_name}"
    repository = Repository(source or ROOT)
    if source is None and name not in repository.files:
        raise _NotHereError(not_checked(f"{wanted} is not here", "add --source <checkout>"))
    remote = repository.remote
    found = f"{remote.owner}/{remote.name}" if remote else wanted
    if source and found.lower() != wanted.lower():
        raise _NotHereError(not_checked(f"{shown_name(str(source))} is {found}, not {wanted}"))
    return repository.read(name)


class HealthCheck:
    """Whether ECS asks the tasks how they are."""

    what = "health check"

    def examine(self, context: Context) -> Result:
        """Look at the settings; AWS is not asked."""
        if context.settings.service.health_check_command:
            return ok("there is one")
        return note(NO_HEALTH_CHECK, "set health_check_command to one that the image can run")
