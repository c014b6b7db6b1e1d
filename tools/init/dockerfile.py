"""What a Dockerfile says about its image: ports, variables, health check.

It reads the few instructions that tell something about settings
(https://docs.docker.com/reference/dockerfile/). No maintained parser on PyPI knows here-documents.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count

_MOST_INSTRUCTIONS = 1000
_LONGEST_VALUE = 4096

_HERE_DOCUMENT = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_WITH_HERE_DOCUMENTS = frozenset({"RUN", "COPY", "ADD"})
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^{}]*))?\})")
_OPTIONS = re.compile(r"(?:--[\w-]+(?:=\S*)?\s+)*")
_FROM = re.compile(r"(?:--\S+\s+)*--from=(\S+)\s")


class DockerfileError(ValueError):
    """The file cannot be read as a Dockerfile; the message says why."""


@dataclass
class Stage:
    """One stage, with what it inherits from a stage before it.

    ``variables`` are those of ENV and ARG. ``health_check`` is None if there is no HEALTHCHECK, and
    empty for NONE; its first word is CMD or CMD-SHELL, as in ECS.
    """

    variables: dict[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    health_check: tuple[str, ...] | None = None


@dataclass
class Dockerfile:
    """``image`` is the last stage; ``pulled`` are external images that a build may pull.

    ``copied`` are the paths in the build context that COPY and ADD name.
    """

    image: Stage
    pulled: list[str]
    copied: list[str]


def parse_dockerfile(text: str) -> Dockerfile:
    """Read a Dockerfile as ``docker build`` would without a target and without build arguments.

    Raises ``DockerfileError`` if it has no FROM, or more instructions or longer values than any
    Dockerfile needs.
    """
    instructions = list(_instructions(text.removeprefix("\ufeff")))
    if len(instructions) > _MOST_INSTRUCTIONS:
        raise DockerfileError(f"the Dockerfile has more than {_MOST_INSTRUCTIONS:,} instructions")
    found = Dockerfile(Stage(), [], [])
    stages, numbers = {"scratch": Stage()}, count()
    outside = found.image  # has the arguments before the first FROM
    for instruction, rest in instructions:
        if instruction == "FROM":
            image, *name = expanded(_without_options(rest), outside.variables).split() or [""]
            _pull(found, image, stages)
            found.image = deepcopy(stages.get(image.lower(), outside))
            # A stage has a number, and the name after AS if there is one.
            stages[str(next(numbers))] = found.image
            if name:
                stages[name[-1].lower()] = found.image
        elif instruction in {"COPY", "ADD"}:
            _copy(found, rest, stages)
        else:
            _read(found.image, instruction, rest)
    if found.image is outside:
        raise DockerfileError("the Dockerfile has no FROM")
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Replace $NAME, ${NAME} and ${NAME:-default}; a variable that is not set is empty.

    Raises ``DockerfileError`` if the result is longer than any Dockerfile needs.
    """

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[2]) or match[3] or ""

    if sum(len(value(match)) for match in _VARIABLE.finditer(text)) > _LONGEST_VALUE:
        raise DockerfileError(
            f"variables in {text!a:.80} have more than {_LONGEST_VALUE:,} characters together"
        )
    return _VARIABLE.sub(value, text)


# --- Lines ----------------------------------------------------------------------------------------


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction with the rest of its line, without here-documents."""
    lines = iter(text.splitlines())
    for joined in _joined(lines):
        instruction, _, rest = joined.partition(" ")
        yield instruction.upper(), rest.strip()
        if instruction.upper() in _WITH_HERE_DOCUMENTS:
            for here in _HERE_DOCUMENT.finditer(rest):
                for line in lines:
                    if line.strip("\t ") == here[2]:
                        break


def _joined(lines: Iterator[str]) -> Iterator[str]:
    """Yield the instructions, each on one line; comments and empty lines do not end one."""
    parts: list[str] = []
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        parts.append(text.removesuffix("\\"))
        if not text.endswith("\\"):
            yield " ".join(parts).replace("\t", " ")
            parts = []
    if parts:
        yield " ".join(parts)


def _words(text: str) -> tuple[str, ...]:
    try:
        lexer = shlex.shlex(text, posix=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        return tuple(lexer)
    except ValueError:  # a quotation mark that is not closed
        return tuple(text.split())


def _without_options(rest: str) -> str:
    return _OPTIONS.sub("", rest, count=1)


def _json_words(text: str) -> tuple[str, ...]:
    """Return the words of a JSON list; empty if the text is none."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return tuple(words) if is_list else ()


# --- Instructions ---------------------------------------------------------------------------------


def _pull(found: Dockerfile, image: str, stages: Mapping[str, Stage]) -> None:
    if image and image.lower() not in stages and image not in found.pulled:
        found.pulled.append(image)


def _copy(found: Dockerfile, rest: str, stages: Mapping[str, Stage]) -> None:
    variables = found.image.variables
    if image := _FROM.match(rest):
        _pull(found, expanded(image[1], variables), stages)
        return
    rest = _without_options(rest)
    *paths, _ = _json_words(rest) or _words(rest) or ("",)  # the last one is the destination
    found.copied += [
        expanded(path, variables)
        for path in paths
        if not path.startswith("<<") and "://" not in path and not path.startswith("git@")
    ]


def _read(stage: Stage, instruction: str, rest: str) -> None:
    match instruction:
        case "ARG" | "ENV":
            stage.variables |= _assignments(rest, stage.variables)
        case "EXPOSE":
            stage.ports += tuple(_ports(expanded(rest, stage.variables)))
        case "HEALTHCHECK":
            stage.health_check = _health_check(rest)


def _assignments(rest: str, known: Mapping[str, str]) -> dict[str, str]:
    first, _, value = rest.partition(" ")
    if value and "=" not in first:  # the old form, for one variable
        pairs = [(first, value.strip())]
    else:
        words = [word.partition("=") for word in _words(rest)]
        pairs = [(name, text) for name, equals, text in words if equals]
    return {name: expanded(value, known) for name, value in pairs}


def _ports(rest: str) -> Iterator[int]:
    for word in rest.split():
        port, _, protocol = word.partition("/")
        number = port.partition("-")[0]
        if protocol.lower() in {"", "tcp"} and re.fullmatch(r"[0-9]{1,5}", number):
            yield int(number)


def _health_check(rest: str) -> tuple[str, ...]:
    kind, _, command = _without_options(rest).partition(" ")
    if kind.upper() != "CMD" or not command.strip():
        return ()
    words = _json_words(command.strip())
    return ("CMD", *words) if words else ("CMD-SHELL", command.strip())
