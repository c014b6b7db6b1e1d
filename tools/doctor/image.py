"""The image: what its build pulls, and whether anybody asks a running one how it is."""

from dataclasses import dataclass
from pathlib import Path

from settings.examples import ROOT
from settings.redaction import shown_name
from tools.doctor.check import Context, Result, not_checked, note, ok
from tools.init.dockerfile import DockerfileError, parse_dockerfile
from tools.init.proposal import NO_HEALTH_CHECK, from_docker_hub
from tools.init.repository import Repository, SourceError


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
        delivery = context.settings.delivery
        wanted = f"{delivery.repository_owner}/{delivery.repository_name}"
        try:
            repository = Repository(self.source or ROOT)
            if self.source is None and delivery.dockerfile not in repository.files:
                return not_checked(f"{wanted} is not here", "add --source <checkout>")
            remote = repository.remote
            found = f"{remote.owner}/{remote.name}" if remote else wanted
            if self.source and found.lower() != wanted.lower():
                return not_checked(f"{shown_name(str(self.source))} is {found}, not {wanted}")
            dockerfile = parse_dockerfile(repository.read(delivery.dockerfile))
        except (SourceError, DockerfileError) as error:
            return not_checked(str(error))
        if not (limited := from_docker_hub(dockerfile)):
            return ok("none from Docker Hub")
        instead = ", ".join(f"{image}: {each}" for image, each in limited.items())
        return note(
            "Docker Hub limits anonymous pulls by address, and those of CodeBuild are shared",
            instead,
        )


class HealthCheck:
    """Whether ECS asks the tasks how they are."""

    what = "health check"

    def examine(self, context: Context) -> Result:
        """Look at the settings; AWS is not asked."""
        if context.settings.service.health_check_command:
            return ok("there is one")
        return note(NO_HEALTH_CHECK, "set health_check_command to one that the image can run")
