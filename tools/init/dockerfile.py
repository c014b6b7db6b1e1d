"""What a Dockerfile says of its image: bases, ports, variables, health check.

The few instructions that are needed, read by the reference
(https://docs.docker.com/reference/dockerfile/). The parsers on PyPI are no help: dockerfile is a
binding to Go; dockerfile-parse has had no release since 2023, and knows no here-documents.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(.+?)\s*")
_HERE_DOCUMENT = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_WITH_HERE_DOCUMENTS = frozenset({"RUN", "COPY", "ADD"})
_VARIABLE = re.compile(r"\\\$|\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^{}]*))?\})")
_OPTION = re.compile(r"--([\w-]+)(?:=(\S*))?\s+")
# BuildKit sets these without being asked: the build of the blueprint is one for its own platform.
_OF_BUILDKIT = {
    "BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDARCH": "amd64",
    "TARGETPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETARCH": "amd64",
}  # fmt: skip
_MOUNTED_FROM = re.compile(r"--mount=\S*\bfrom=([^,\s]+)")


class DockerfileError(ValueError):
    """There is no image in it; the message says why."""


@dataclass(frozen=True)
class Stage:
    """One stage, with what it inherits from a stage before it.

    ``image`` is the external image that it starts from in the end. ``health_check`` is None if
    nothing is said, and empty for NONE; its first word is CMD or CMD-SHELL, as ECS has it.
    ``copied`` are the sources of COPY and ADD in the build context, ``from_images`` what it takes
    files from, stages or images, and ``commands`` the words of ENTRYPOINT and CMD.
    """

    name: str
    image: str
    variables: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    health_check: tuple[str, ...] | None = None
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    copied: tuple[str, ...] = ()
    from_images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dockerfile:
    """``image`` is the last stage; ``pulled`` are the images that building it takes from elsewhere.

    ``syntax`` is the image of the parser that it asks for, if any, which is pulled, too. ``copied``
    are the sources in the build context of all its stages.
    """

    image: Stage
    pulled: tuple[str, ...]
    syntax: str
    copied: tuple[str, ...]


def parse_dockerfile(text: str) -> Dockerfile:
    """Read a Dockerfile as ``docker build`` would without a target and without build arguments."""
    directives, instructions = _instructions(text.removeprefix("\ufeff"))
    stages: list[Stage] = []
    global_arguments: dict[str, str] = {}
    for instruction, rest in instructions:
        if instruction == "FROM":
            stages.append(_begun(rest, global_arguments, stages))
        elif stages:
            stages[-1] = _continued(stages[-1], instruction, rest, global_arguments)
        elif instruction == "ARG":
            global_arguments |= _arguments(rest, global_arguments, {})
    if not stages:
        raise DockerfileError("there is no FROM in it")
    needed = _needed(stages)
    names = {stage.name for stage in stages} | {str(index) for index in range(len(stages))}
    names.add("scratch")  # nothing
    pulled = [image for s in needed for image in (s.image, *s.from_images) if image]
    return Dockerfile(
        image=stages[-1],
        pulled=tuple(dict.fromkeys(i for i in pulled if i.lower() not in names)),
        syntax=directives.get("syntax", ""),
        copied=tuple(dict.fromkeys(path for s in needed for path in s.copied)),
    )


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Replace variables as a Dockerfile does; what is set nowhere is empty."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name is None:
            return match[0]
        known = variables.get(name)
        if match[3] is None:
            return known or ""
        is_set = known is not None and (known != "" or ":" not in match[3])
        if match[3].endswith("-"):
            return (known or "") if is_set else match[4]
        return match[4] if is_set else ""

    return _VARIABLE.sub(value, text)


def _needed(stages: list[Stage]) -> list[Stage]:
    """Return the stages that the last one is made of: BuildKit leaves the others out."""
    by_name = {str(index): stage for index, stage in enumerate(stages)}
    by_name |= {stage.name: stage for stage in stages if stage.name}
    found: dict[str, Stage] = {}
    asked = [stages[-1]]
    while asked:
        stage = asked.pop()
        if stage.name not in found:
            found[stage.name] = stage
            asked += [by_name[n.lower()] for n in stage.from_images if n.lower() in by_name]
    return [stage for stage in stages if stage.name in found]


# --- Lines ----------------------------------------------------------------------------------------


def _instructions(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    lines = text.splitlines()
    directives: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None or match[1].lower() in directives:
            break
        directives[match[1].lower()] = match[2]
    escape = directives.get("escape", "\\")
    found: list[tuple[str, str]] = []
    waiting = iter(lines)
    for logical in _joined(waiting, escape):
        instruction, _, rest = logical.partition(" ")
        found.append((instruction.upper(), rest.strip()))
        if instruction.upper() in _WITH_HERE_DOCUMENTS:
            for here in _HERE_DOCUMENT.finditer(rest):
                for line in waiting:
                    if line.strip("\t ") == here[2]:
                        break
    return directives, found


def _joined(lines: Iterator[str], escape: str) -> Iterator[str]:
    """Yield the instructions, each on one line; comments and empty lines do not end one."""
    parts: list[str] = []
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        goes_on = text.endswith(escape)
        parts.append(text.removesuffix(escape) if goes_on else text)
        if not goes_on:
            yield " ".join(" ".join(parts).split("\t"))
            parts = []
    if parts:
        yield " ".join(parts)


def _words(text: str) -> list[str]:
    try:
        lexer = shlex.shlex(text, posix=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        return list(lexer)
    except ValueError:  # a quotation mark that is not closed
        return text.split()


def _options(rest: str) -> tuple[dict[str, str], str]:
    options: dict[str, str] = {}
    while match := _OPTION.match(rest):
        options[match[1]] = match[2] or ""
        rest = rest[match.end() :]
    return options, rest


def _exec_form(text: str) -> tuple[str, ...] | None:
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return tuple(words) if is_list else None


# --- Instructions ---------------------------------------------------------------------------------


def _begun(rest: str, arguments: Mapping[str, str], stages: list[Stage]) -> Stage:
    _, rest = _options(rest)
    words = expanded(rest, {**_OF_BUILDKIT, **arguments}).split()
    image = words[0] if words else ""
    is_named = len(words) > len(("image", "AS")) and words[1].upper() == "AS"
    name = words[-1].lower() if is_named else str(len(stages))
    base = next((stage for stage in stages if stage.name == image.lower()), None)
    if base is None:
        return Stage(name=name, image=image)
    # Its arguments end with it; what it copies is counted where it stands.
    return replace(base, name=name, arguments={}, copied=(), from_images=(base.name,))


def _arguments(rest: str, outer: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in _words(rest):
        name, equals, value = word.partition("=")
        if equals:
            found[name] = expanded(value, {**outer, **found, **variables})
        elif name in outer or name in _OF_BUILDKIT:
            found[name] = outer.get(name, _OF_BUILDKIT.get(name, ""))
    return found


def _continued(
    stage: Stage, instruction: str, rest: str, global_arguments: Mapping[str, str]
) -> Stage:
    known = {**stage.arguments, **stage.variables}
    match instruction:
        case "ARG":
            outer = {**global_arguments, **stage.arguments}
            added = _arguments(rest, outer, stage.variables)
            stage = replace(stage, arguments={**stage.arguments, **added})
        case "ENV":
            stage = replace(stage, variables={**stage.variables, **_environment(rest, known)})
        case "EXPOSE":
            stage = replace(stage, ports=(*stage.ports, *_ports(expanded(rest, known))))
        case "HEALTHCHECK":
            stage = replace(stage, health_check=_health_check(rest))
        case "CMD" | "ENTRYPOINT":
            words = _exec_form(rest) or tuple(_words(rest))
            stage = replace(stage, commands={**stage.commands, instruction: words})
        case "COPY" | "ADD":
            stage = _copying(stage, rest, known)
        case "RUN":
            mounted = _MOUNTED_FROM.findall(rest)
            stage = replace(stage, from_images=(*stage.from_images, *mounted))
    return stage


def _environment(rest: str, known: Mapping[str, str]) -> dict[str, str]:
    first = rest.partition(" ")[0]
    if "=" not in first:  # the old form, for one variable
        return {first: expanded(rest.removeprefix(first).strip(), known)}
    pairs = (word.partition("=") for word in _words(rest))
    return {name: expanded(value, known) for name, _, value in pairs if name}


def _ports(rest: str) -> Iterator[int]:
    for word in rest.split():
        port, _, protocol = word.partition("/")
        number = port.partition("-")[0]
        if protocol.lower() in {"", "tcp"} and re.fullmatch(r"[0-9]{1,5}", number):
            yield int(number)


def _health_check(rest: str) -> tuple[str, ...]:
    _, rest = _options(rest)
    kind, _, command = rest.partition(" ")
    if kind.upper() != "CMD" or not command.strip():
        return ()
    words = _exec_form(command.strip())
    return ("CMD", *words) if words else ("CMD-SHELL", command.strip())


def _copying(stage: Stage, rest: str, known: Mapping[str, str]) -> Stage:
    options, rest = _options(rest)
    if source := options.get("from"):
        source = expanded(source, known)
        return replace(stage, from_images=(*stage.from_images, source))
    *sources, _ = _exec_form(rest) or tuple(_words(rest)) or ("",)
    here = [
        expanded(path, known)
        for path in sources
        if not path.startswith("<<") and "://" not in path and not path.startswith("git@")
    ]
    return replace(stage, copied=(*stage.copied, *here))


# --- Names of images ------------------------------------------------------------------------------

_HUB = frozenset(
    {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
)
_TWINS = "public.ecr.aws/docker/library"
"""Docker's official images on ECR Public:
https://aws.amazon.com/blogs/containers/docker-official-images-now-available-on-amazon-elastic-container-registry-public/"""


def short_name(image: str) -> str:
    """Return the name of an image without its registry, tag and digest."""
    path = image.partition("@")[0]
    host, slash, rest = path.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        path = rest
    return path.partition(":")[0].removeprefix("docker/library/").removeprefix("library/")


def is_from_docker_hub(image: str) -> bool:
    """Say whether an image comes from Docker Hub, where anonymous pulls are limited."""
    host, slash, _ = image.partition("/")
    return not slash or host in _HUB or not ("." in host or ":" in host or host == "localhost")


def twin_on_ecr_public(image: str) -> str | None:
    """Return where an image of Docker Hub is on ECR Public, too; None if it is not official."""
    name = image
    for host in _HUB:
        name = name.removeprefix(f"{host}/")
    name = name.removeprefix("library/")
    return None if "/" in name.partition("@")[0] else f"{_TWINS}/{name}"
