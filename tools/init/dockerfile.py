"""What a Dockerfile says about its image: ports, variables, command, health check.

It reads the few instructions that tell something about settings
(https://docs.docker.com/reference/dockerfile/). No maintained parser on PyPI knows here-documents.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace

_MOST_INSTRUCTIONS = 1000
_LONGEST_VALUE = 4096

_HERE_DOCUMENT = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_WITH_HERE_DOCUMENTS = frozenset({"RUN", "COPY", "ADD"})
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^{}]*))?\})")
_OPTION = re.compile(r"--([\w-]+)(?:=(\S*))?\s+")


class DockerfileError(ValueError):
    """The file cannot be read as a Dockerfile; the message says why."""


@dataclass
class Stage:
    """One stage, with what it inherits from a stage before it.

    ``health_check`` is None if there is no HEALTHCHECK, and empty for NONE; its first word is CMD
    or CMD-SHELL, as in ECS. ``commands`` are the words of ENTRYPOINT and CMD.
    """

    variables: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    health_check: tuple[str, ...] | None = None
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Dockerfile:
    """``image`` is the last stage; ``pulled`` are external images that a build may pull.

    ``copied`` are the paths in the build context that COPY and ADD name.
    """

    image: Stage
    pulled: tuple[str, ...]
    copied: tuple[str, ...]


def parse_dockerfile(text: str) -> Dockerfile:
    """Read a Dockerfile as ``docker build`` would without a target and without build arguments.

    Raises ``DockerfileError`` if it has no FROM, or more instructions or longer values than any
    Dockerfile needs.
    """
    instructions = list(_instructions(text.removeprefix("\ufeff")))
    if len(instructions) > _MOST_INSTRUCTIONS:
        raise DockerfileError(f"it has more than {_MOST_INSTRUCTIONS:,} instructions")
    reader = _Reader()
    for instruction, rest in instructions:
        reader.read(instruction, rest)
    if not reader.stages:
        raise DockerfileError("there is no FROM in it")
    return Dockerfile(
        image=reader.stages[-1],
        pulled=tuple(dict.fromkeys(reader.pulled)),
        copied=tuple(dict.fromkeys(reader.copied)),
    )


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Replace $NAME, ${NAME} and ${NAME:-default}; a variable that is not set is empty."""
    return _VARIABLE.sub(lambda m: variables.get(m[1] or m[2]) or m[3] or "", text)


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


def _exec_form(text: str) -> tuple[str, ...]:
    """Return the words of a JSON list; empty if it is none."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return tuple(words) if is_list else ()


# --- Instructions ---------------------------------------------------------------------------------


class _Reader:
    """Takes the instructions one after the other, and keeps what they say."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.pulled: list[str] = []
        self.copied: list[str] = []
        self._named: dict[str, Stage] = {"scratch": Stage()}
        self._global_arguments: dict[str, str] = {}

    def read(self, instruction: str, rest: str) -> None:
        """Take an instruction; one that says nothing about the settings is passed over."""
        if instruction == "FROM":
            self._begin_stage(rest)
        elif not self.stages:
            if instruction == "ARG":
                self._global_arguments |= _arguments(rest, {}, self._global_arguments)
        else:
            self._read_in_stage(self.stages[-1], instruction, rest)

    def _begin_stage(self, rest: str) -> None:
        _, rest = _options(rest)
        image, *name = expanded(rest, self._global_arguments).split() or [""]
        self._pull(image)
        # A stage inherits everything but the build arguments.
        stage = replace(deepcopy(self._named.get(image.lower(), Stage())), arguments={})
        self._named[str(len(self.stages))] = stage
        if name[:1] and name[0].upper() == "AS":
            self._named[name[-1].lower()] = stage
        self.stages.append(stage)

    def _pull(self, image: str) -> None:
        if image and image.lower() not in self._named:
            self.pulled.append(image)

    def _read_in_stage(self, stage: Stage, instruction: str, rest: str) -> None:
        known = {**stage.arguments, **stage.variables}
        match instruction:
            case "ARG":
                stage.arguments |= _arguments(rest, self._global_arguments, known)
            case "ENV":
                stage.variables |= _environment(rest, known)
            case "EXPOSE":
                stage.ports += tuple(_ports(expanded(rest, known)))
            case "HEALTHCHECK":
                stage.health_check = _health_check(rest)
            case "CMD" | "ENTRYPOINT":
                stage.commands[instruction] = _exec_form(rest) or tuple(_words(rest))
            case "COPY" | "ADD":
                self._copy(rest, known)

    def _copy(self, rest: str, known: Mapping[str, str]) -> None:
        options, rest = _options(rest)
        if image := options.get("from"):
            self._pull(expanded(image, known))
            return
        words = _exec_form(rest) or tuple(_words(rest))
        self.copied += [
            expanded(path, known)
            for path in words[:-1]  # the last one is where they are copied to
            if not path.startswith("<<") and "://" not in path and not path.startswith("git@")
        ]


def _arguments(rest: str, outer: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments of an ARG; ``outer`` are the ones before the first FROM."""
    found: dict[str, str] = {}
    for word in _words(rest):
        name, equals, value = word.partition("=")
        if equals:
            found[name] = _bounded(name, expanded(value, {**outer, **known, **found}))
        elif name in outer:
            found[name] = outer[name]
    return found


def _environment(rest: str, known: Mapping[str, str]) -> dict[str, str]:
    first = rest.partition(" ")[0]
    if "=" not in first:  # the old form, for one variable
        return {first: _bounded(first, expanded(rest.removeprefix(first).strip(), known))}
    pairs = (word.partition("=") for word in _words(rest))
    return {name: _bounded(name, expanded(value, known)) for name, _, value in pairs if name}


def _bounded(name: str, value: str) -> str:
    if len(value) > _LONGEST_VALUE:
        raise DockerfileError(f"the variable {name!a:.80} has a value of {len(value):,} characters")
    return value


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
