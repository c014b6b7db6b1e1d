"""Settings made of what a repository and its Dockerfile say, each with where it comes from."""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

from settings.redaction import shown_name
from tools.init.dockerfile import (
    Dockerfile,
    Stage,
    expanded,
    is_from_docker_hub,
    parse_dockerfile,
    short_name,
    twin_on_ecr_public,
)
from tools.init.repository import Repository

_DOCKERFILE = re.compile(
    r"(?:Dockerfile|Containerfile)(?:\.[\w-]+)?|[\w-]+\.(?:Dockerfile|dockerfile)"
)
_NO_DOCKERFILE = re.compile(r".*\.(?:dockerignore|j2|jinja2?|tmpl|tpl|in|erb|md)")
_SETTABLE_PATH = re.compile(r"(?!-)[A-Za-z0-9._@+-]+(?:/(?!-)[A-Za-z0-9._@+-]+)*")

# What these images listen on by themselves, as their own Dockerfiles say (EXPOSE).
_PORTS_OF_BASES = {
    "nginx": 80,
    "nginx/nginx": 80,
    "nginxinc/nginx-unprivileged": 8080,
    "httpd": 80,
    "caddy": 80,
}
_PORT_IN_COMMAND = re.compile(
    r"(?:--(?:http-)?port[= ]|--(?:listen|bind)[= ]\S*?:|-b \S*?:|-p |-l )([0-9]{2,5})(?![\w.])"
)
# TLS ends nowhere here: callers speak plain HTTP.
_PORT_VARIABLE = re.compile(r"(?!.*(?:HTTPS|SSL|TLS))(?:\w+_)?PORT")
_TLS_PORTS = frozenset({443, 8443})
_HIGHEST_PORT = 65535

_LONGEST_LABEL = 63
# Folders in which the service of another name is.
_TELL_NOTHING = frozenset({".", "app", "build", "container", "docker", "source", "src"})
_SAMPLE_PORT = "3000"
# Elsewhere the settings do not take the sample for the first image. Of this one nobody asks more
# than that it runs: where it runs there is no health check yet.
_FIRST_IMAGE = "public.ecr.aws/nginx/nginx:1.29"
# The first image is the sample, which has curl, answers here, and has no variables of the service.
_ANSWERED_BY_THE_SAMPLE = re.compile(
    r"curl(?: +(?:-[a-zA-Z]+|--[a-z-]+))* +[\"']?(?:http://)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0):"
    r"(?:3000|\$SERVICE_PORT)(?:/|/health/?)?[\"']?(?: *\|\| *exit 1)?"
)


@dataclass(frozen=True)
class Value:
    """The text of a setting, and where it comes from."""

    text: str
    origin: str


@dataclass
class Proposal:
    """Settings by key, of a service that a Dockerfile builds; ``missing`` are keys to ask for.

    ``later`` is a health check that the first image could not pass, empty if there is none.
    """

    dockerfile: Dockerfile
    values: dict[str, Value]
    later: str = ""

    @property
    def missing(self) -> list[str]:
        """What has to be known, and neither the repository nor its owner has said yet."""
        return [key for key in _REQUIRED if key not in self.values]

    def in_order(self) -> Iterator[tuple[str, Value]]:
        """Yield keys and values as they are to be read."""
        for key in (*_ORDER, *sorted(self.values.keys() - set(_ORDER))):
            if key in self.values:
                yield key, self.values[key]

    def settle(self) -> None:
        """Choose the first image and the health check, once the port is known."""
        is_own = "seed_image" in self.values
        on_sample_port = self.values["container_port"].text == _SAMPLE_PORT
        if not is_own and not on_sample_port:
            self.values["seed_image"] = Value(_FIRST_IMAGE, "any that runs")
        if "health_check_command" in self.values:
            return
        text, origin = _health_check(self.dockerfile.image)
        passes = is_own or (on_sample_port and _ANSWERED_BY_THE_SAMPLE.fullmatch(text))
        if text and not passes:
            self.later, text, origin = text, "", "none yet: see below"
        self.values["health_check_command"] = Value(text, origin)

    def notes(self) -> Iterator[str]:
        """Say what follows of the values, and what the build will meet."""
        if not self.values["health_check_command"].text:
            yield NO_HEALTH_CHECK
        if self.later:
            yield (
                "HEALTHCHECK asks what the first image could not answer: the line above "
                "health_check_command says what to write there after the first delivery."
            )
        if pulled := from_docker_hub(self.dockerfile):
            yield "\n".join([DOCKER_HUB, *(f"{image} -> {each}" for image, each in pulled.items())])
        yield "Until the first delivery seed_image runs, which is not yet the service."


def dockerfiles(repository: Repository) -> list[str]:
    """Return the committed Dockerfiles below the folder that was given, the likeliest first.

    If there are none, those of the whole repository.
    """
    found = [path for path in repository.files if _is_dockerfile(posixpath.basename(path))]
    found = [path for path in found if _SETTABLE_PATH.fullmatch(path)]
    below = [path for path in found if _is_below(path, repository.prefix)]
    return sorted(below or found, key=lambda p: (p.count("/"), posixpath.basename(p), p))


def obvious(repository: Repository, paths: list[str]) -> str | None:
    """Return the only Dockerfile, the one at the top of the folder, or the only one called so."""
    top = posixpath.normpath(posixpath.join(repository.prefix, "Dockerfile"))
    if top in paths:
        return top
    named = [path for path in paths if posixpath.basename(path) == "Dockerfile"]
    alone = named if len(named) == 1 else paths
    return alone[0] if len(alone) == 1 else None


def propose(repository: Repository, dockerfile_path: str, given: Mapping[str, str]) -> Proposal:
    """Return the settings of the service whose image a Dockerfile builds.

    ``given`` are values that the user has said already.
    """
    dockerfile = parse_dockerfile(repository.read(dockerfile_path))
    found: dict[str, Value] = {}
    _of_git(repository, found)
    found |= _paths(repository, dockerfile, dockerfile_path, given.get("folder_path"))
    if port := _port(dockerfile.image):
        found["container_port"] = port
    said = {key: Value(text, "given") for key, text in given.items()}
    return Proposal(dockerfile, _names(repository, found | said) | found | said)


_ORDER = (
    *("account_number", "aws_region"),
    *("repository_owner", "repository_name", "repository_branch"),
    *("folder_path", "dockerfile_path", "buildspec_path"),
    *("service_name", "container_name", "ecr_repository_name", "container_port"),
    *("seed_image", "health_check_command"),
)
_REQUIRED = (
    *("account_number", "aws_region"),
    *("repository_owner", "repository_name", "repository_branch", "container_port"),
)


def _is_dockerfile(name: str) -> bool:
    return bool(_DOCKERFILE.fullmatch(name)) and not _NO_DOCKERFILE.fullmatch(name)


def _is_below(path: str, folder: str) -> bool:
    return folder == "." or path.startswith(f"{folder}/")


def _of_git(repository: Repository, found: dict[str, Value]) -> None:
    if remote := repository.remote:
        where = f"git remote {shown_name(remote.called)}"
        found["repository_owner"] = Value(remote.owner, where)
        found["repository_name"] = Value(remote.name, where)
    if branch := repository.branch:
        name, which = branch
        found["repository_branch"] = Value(name, f"git: {shown_name(which)}")


def _paths(
    repository: Repository,
    dockerfile: Dockerfile,
    path: str,
    folder: str | None,
) -> dict[str, Value]:
    own = posixpath.dirname(path) or "."
    why = "the Dockerfile's folder"
    if folder is None:
        folder = own
        while not all(_is_there(repository, folder, each) for each in dockerfile.copied):
            if folder == ".":
                folder = own
                break
            folder = posixpath.dirname(folder) or "."
        if folder != own:
            why = "has what is copied"
    found = {"folder_path": Value(folder, why)}
    if path != posixpath.normpath(posixpath.join(folder, "Dockerfile")):
        found["dockerfile_path"] = Value(path, f"commit {repository.commit}")
    found["buildspec_path"] = Value("", "the blueprint's own")
    return found


def _is_there(repository: Repository, folder: str, copied: str) -> bool:
    """Say whether COPY would find something in a build context."""
    path = posixpath.normpath(posixpath.join(folder, copied.lstrip("/") or "."))
    if not re.search(r"[*?\[]", path):
        return repository.has(path)
    return any(
        fnmatch("/".join(file.split("/")[: path.count("/") + 1]), path) for file in repository.files
    )


def _names(repository: Repository, found: Mapping[str, Value]) -> dict[str, Value]:
    folder = found["folder_path"].text
    telling = [part for part in folder.split("/") if part not in _TELL_NOTHING]
    if telling and len(_folders_with_dockerfiles(repository)) > 1:
        source, origin = telling[-1], "the folder's name"
    elif "repository_name" in found:
        source, origin = found["repository_name"].text, "the repository's name"
    else:
        source, origin = repository.folder.resolve().name, "the folder's name"
    label = re.sub(r"[^a-z0-9]+", "-", source.lower()).strip("-")[:_LONGEST_LABEL].strip("-")
    label = label or "service"
    origin += "" if label == source else ", for DNS"
    return {
        "service_name": Value(label, origin),
        "container_name": Value(label, origin),
        # ECR takes no name of a single character.
        "ecr_repository_name": Value(label if len(label) > 1 else f"{label}-service", origin),
    }


def _folders_with_dockerfiles(repository: Repository) -> set[str]:
    """Return where there are any: several folders mean a repository of several services."""
    return {
        posixpath.dirname(path)
        for path in repository.files
        if _is_dockerfile(posixpath.basename(path))
    }


def _port(image: Stage) -> Value | None:
    candidates = _candidates(image)
    for number, origin in candidates:
        if 0 < number <= _HIGHEST_PORT:
            return Value(str(number), origin)
    return None


def _candidates(image: Stage) -> Iterator[tuple[int, str]]:
    variables = {
        name: int(text)
        for name, text in (*image.arguments.items(), *image.variables.items())
        if _PORT_VARIABLE.fullmatch(name) and re.fullmatch(r"[0-9]{1,5}", text)
    }
    exposed = dict.fromkeys(sorted(image.ports, key=lambda port: port in _TLS_PORTS))
    for name, number in sorted(variables.items(), key=lambda each: (each[0] != "PORT", each[0])):
        if number in exposed and len(exposed) > 1:
            yield number, f"EXPOSE, and the variable {name}"
    if exposed:
        others = ", ".join(map(str, [*exposed][1:]))
        yield next(iter(exposed)), "EXPOSE" + (f", the first (others: {others})" if others else "")
    words = " ".join(word for each in image.commands.values() for word in each)
    for match in _PORT_IN_COMMAND.finditer(words):
        yield int(match[1]), "the command of the image"
    for name in ("PORT", *sorted(variables.keys() - {"PORT"})):
        if name in variables:
            yield variables[name], f"the variable {name} of the image"
    base = short_name(image.image)
    if base in _PORTS_OF_BASES:
        yield _PORTS_OF_BASES[base], f"what {base} listens on"


def _health_check(image: Stage) -> tuple[str, str]:
    """Return what the image says of its check, as the settings have it, and in what words."""
    if image.health_check is None:
        return "", "none: the image has none"
    if not image.health_check:
        return "", "none: HEALTHCHECK NONE"
    kind, *words = image.health_check
    if kind == "CMD":
        return json.dumps(words, ensure_ascii=False), "HEALTHCHECK"
    return _for_the_settings(words[0], image.variables), "HEALTHCHECK"


def _for_the_settings(command: str, variables: Mapping[str, str]) -> str:
    """Return a command of the shell without braces, which are CloudFormation's."""
    text = re.sub(r"\$\{(\w+)\}(?!\w)", r"$\1", " ".join(command.splitlines()))
    if "${" not in text:
        return text
    return re.sub(r"\$\{\w+(?::?[-+][^{}]*)?\}", lambda m: expanded(m[0], variables), text)


NO_HEALTH_CHECK = (
    "Without a health check ECS takes a task for healthy while it runs: a version that never "
    "answers is delivered, and a task that hangs is kept."
)


def from_docker_hub(dockerfile: Dockerfile) -> dict[str, str]:
    """Return which images a build pulls from Docker Hub, and for each what to take instead."""
    found = {}
    for image in filter(is_from_docker_hub, dockerfile.pulled):
        twin = twin_on_ecr_public(image)
        found[image] = twin or "a copy in a registry without such a limit"
    if dockerfile.syntax and is_from_docker_hub(dockerfile.syntax):
        found[dockerfile.syntax] = "nothing, if the build works without its line `# syntax=`"
    return {shown_name(image): shown_name(instead) for image, instead in found.items()}


DOCKER_HUB = (
    "Docker Hub limits anonymous pulls by address, and those of CodeBuild are shared: a build may "
    "fail with toomanyrequests. To take instead:"
)
