"""Settings made from a repository and its Dockerfile, each with where it comes from."""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from settings.redaction import shown_name
from tools.init.dockerfile import Dockerfile, Stage, expanded, parse_dockerfile
from tools.init.repository import Repository

_DOCKERFILE = re.compile(
    r"(?:Dockerfile|Containerfile)(?:\.(?!dockerignore|j2|tmpl|in|md)[\w-]+)?"
    r"|[\w-]+\.(?:Dockerfile|dockerfile)"
)
_WILDCARD = re.compile(r"[^/]*[*?\[].*")
_LONGEST_LABEL = 63
_MEANINGLESS_FOLDERS = frozenset({".", "app", "build", "container", "docker", "source", "src"})
_SAMPLE_PORT = "3000"
FIRST_IMAGE = "public.ecr.aws/nginx/nginx:1.29"
"""The first image of a service on another port than the sample's. It only has to run."""
TWO_STEPS = (
    "leave health_check_command empty until the first delivery, then set it and deploy again"
)
"""What to do if the first image cannot pass the health check."""

LATER = "# After the first delivery: "
"""Begins the line of a settings file with the check that the first image may not pass."""
NO_HEALTH_CHECK = (
    "Without a health check ECS treats every running task as healthy. It keeps a task that hangs "
    "and delivers a version that never answers."
)
SERVICE_NAMES = ("service_name", "container_name", "ecr_repository_name")


@dataclass(frozen=True)
class Value:
    """The text of a setting, and where it comes from."""

    text: str
    origin: str


@dataclass
class Proposal:
    """Settings by key, of a service that a Dockerfile builds.

    ``health_check`` is empty if there is none. ``choose_first_image`` moves it to ``later``,
    because the first image may not pass it.
    """

    values: dict[str, Value]
    health_check: Value
    later: str = ""

    def choose_first_image(self) -> None:
        """Choose the first image, and keep the check, which it may not pass, for later."""
        texts = {key: value.text for key, value in self.values.items()}
        is_as_sample = (
            texts["container_port"] == _SAMPLE_PORT and texts.get("cpu_architecture") != "ARM64"
        )
        if "seed_image" not in texts and not is_as_sample:
            self.values["seed_image"] = Value(FIRST_IMAGE, "a placeholder that runs anywhere")
        self.later = self.health_check.text
        origin = f"{self.health_check.origin}, after the first delivery" if self.later else "none"
        self.values["health_check_command"] = Value("", origin)

    def notes(self) -> Iterator[str]:
        """Yield what the user should know about the values."""
        yield (
            f"The first image may not pass the health check ({self.health_check.origin}). "
            "After the first delivery, use the line above health_check_command in its place."
            if self.later
            else NO_HEALTH_CHECK
        )
        yield "Until the first delivery the image of seed_image runs, not yet your service."


def dockerfiles(repository: Repository) -> list[str]:
    """Return the committed Dockerfiles below the folder that was given, the likeliest first.

    If there are none, those of the whole repository.
    """
    found = [path for path in repository.files if _is_dockerfile(path)]
    start = "" if repository.prefix == "." else f"{repository.prefix}/"
    below = [path for path in found if path.startswith(start)]
    return sorted(below or found, key=lambda p: (p.count("/"), posixpath.basename(p), p))


def propose(
    repository: Repository, dockerfile_path: str, given: Mapping[str, Value], context: str = ""
) -> Proposal:
    """Return the settings of the service whose image a Dockerfile builds.

    ``given`` are values of the user, by key, which come before those of the repository. ``context``
    is the folder that the Dockerfile copies from, if somebody has said it.
    """
    dockerfile = parse_dockerfile(repository.read(dockerfile_path))
    found = _of_git(repository) | _paths(repository, dockerfile, dockerfile_path, context)
    if port := next(_ports(dockerfile.image), None):
        found["container_port"] = port
    known = {**given, **found, **given}  # in the order in which the user reads them
    values = known | {**_names(repository, known), **given}
    return Proposal(values, given.get("health_check_command") or _check_of(dockerfile.image))


def _is_dockerfile(path: str) -> bool:
    return bool(_DOCKERFILE.fullmatch(posixpath.basename(path)))


def _of_git(repository: Repository) -> dict[str, Value]:
    found = {}
    if remote := repository.remote:
        where = f"git remote {shown_name(remote.called)}"
        found["repository_owner"] = Value(remote.owner, where)
        found["repository_name"] = Value(remote.name, where)
    if branch := repository.branch:
        name, which = branch
        found["repository_branch"] = Value(name, f"git: {shown_name(which)}")
    return found


def _paths(
    repository: Repository, dockerfile: Dockerfile, path: str, context: str
) -> dict[str, Value]:
    own = posixpath.dirname(path) or "."
    folder = context or _build_context(repository, dockerfile, own)
    why = "the Dockerfile's folder" if folder == own else "has what the Dockerfile copies"
    found = {"folder_path": Value(folder, why)}
    if path != posixpath.normpath(posixpath.join(folder, "Dockerfile")):
        found["dockerfile_path"] = Value(path, f"commit {repository.commit}")
    found["buildspec_path"] = Value("", "the blueprint's own")
    return found


def _build_context(repository: Repository, dockerfile: Dockerfile, own: str) -> str:
    """Return the nearest folder that has everything that is copied; else the Dockerfile's own."""
    folder = own
    while True:
        if all(_has(repository, folder, copied) for copied in dockerfile.copied):
            return folder
        if folder == ".":
            return own
        folder = posixpath.dirname(folder) or "."


def _has(repository: Repository, folder: str, copied: str) -> bool:
    """Say whether there is such a path, or what is before its first wildcard."""
    path = _WILDCARD.sub("", copied).lstrip("/")
    return repository.has(posixpath.join(folder, path or "."))


def _names(repository: Repository, found: Mapping[str, Value]) -> dict[str, Value]:
    parts = found["folder_path"].text.split("/")
    meaningful = [part for part in parts if part not in _MEANINGLESS_FOLDERS]
    # Dockerfiles in several folders mean a repository of several services.
    folders = {posixpath.dirname(path) for path in repository.files if _is_dockerfile(path)}
    if meaningful and len(folders) > 1:
        source, origin = meaningful[-1], "the folder's name"
    elif "repository_name" in found:
        source, origin = found["repository_name"].text, "the repository's name"
    else:
        source, origin = repository.folder.resolve().name, "the folder's name"
    label = re.sub(r"[^a-z0-9]+", "-", source.lower()).strip("-")[:_LONGEST_LABEL].strip("-")
    return dict.fromkeys(SERVICE_NAMES, Value(label or "service", origin))


def _ports(image: Stage) -> Iterator[Value]:
    """Yield the ports that the image may listen on, the likeliest first."""
    variable = image.variables.get("PORT", "")
    exposed = [str(port) for port in image.ports]
    if variable in exposed:
        yield Value(variable, "EXPOSE, and the variable PORT")
    for port in exposed:
        yield Value(port, "EXPOSE" + (", the first" if len(exposed) > 1 else ""))
    if variable.isdecimal():
        yield Value(variable, "the variable PORT of the image")


def _check_of(image: Stage) -> Value:
    return Value(health_check_text(image.health_check, image.variables), "HEALTHCHECK")


def health_check_text(check: Sequence[str] | None, variables: Mapping[str, str]) -> str:
    """Return a check in the form of the settings; empty if there is none.

    Its first word is CMD or CMD-SHELL, as in ECS.
    """
    if not check:
        return ""
    kind, *words = check
    if kind == "CMD":
        return json.dumps(words, ensure_ascii=False)
    # The settings refuse ${NAME}, which CloudFormation takes for a reference.
    text = re.sub(r"\$\{(\w+)\}(?!\w)", r"$\1", " ".join(words))
    text = re.sub(r"\$\{[^{}]*\}", lambda m: expanded(m[0], variables), text)
    return text if text.isprintable() else ""
