"""The one way in which something of ours takes the place of a name of MiniStack.

::

    @replaces(ecs, "_ACTION_MAP[StopTask]", upstream="Bug: ...")
    def stop_task(original: Handler, request: Request) -> Response:
        \"\"\"Start another task of the service, as ECS keeps its count.\"\"\"
        return original(request)

A decorator only registers; `apply` puts everything in place before the emulator serves. So nothing
depends on the order in which our files are loaded, and an `original` is always MiniStack's own. A
name has one replacement: a second one is an error.

MiniStack's modules take functions from each other by `from ... import` and keep them in tables. A
replacement therefore names each of these: several names of one owner, and ``bound_in`` the modules
that have imported the first of them. `python -m tools.local_aws --replacements` prints
all of it.
"""

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
Owner: TypeAlias = ModuleType | type

# The files that replace or add something, one or more for each AWS service.
SUBJECTS = (
    "application_autoscaling",
    "cloudformation",
    "cloudwatch",
    "codebuild",
    "codepipeline",
    "ec2_dependencies",
    "ec2_interfaces",
    "ec2_network",
    "ecr",
    "ecs",
    "ecs_tasks",
    "front",
    "iam.judge",
    "iam.registry",
    "lambda_functions",
    "logs",
    "moto_api",
    "s3",
    "secretsmanager",
    "servicediscovery",
    "sns",
)
# Only with a container engine that runs the tasks.
ENGINE_SUBJECTS = ("ecs_containers",)

_GONE = object()
_ENTRY = re.compile(r"(?P<table>\w+)\[(?P<key>.+)\]$")


class ReplacementError(RuntimeError):
    """Replacements that cannot be put in place; a line for each."""


@dataclass(frozen=True)
class Name:
    """A name of an owner, or an entry of a table that has a name: `_ACTION_MAP[StopTask]`."""

    owner: Owner
    name: str

    def __str__(self) -> str:
        owner = self.owner
        if isinstance(owner, ModuleType):
            return f"{owner.__name__}.{self.name}"
        return f"{owner.__module__}.{owner.__qualname__}.{self.name}"

    @property
    def exists(self) -> bool:
        return self.value() is not _GONE

    def value(self) -> Any:
        """Return what is there now."""
        if entry := _ENTRY.match(self.name):
            return getattr(self.owner, entry["table"], {}).get(entry["key"], _GONE)
        return getattr(self.owner, self.name, _GONE)

    def set(self, value: Any) -> None:
        if entry := _ENTRY.match(self.name):
            getattr(self.owner, entry["table"])[entry["key"]] = value
        else:
            setattr(self.owner, self.name, value)


@dataclass(frozen=True, kw_only=True, eq=False)
class Replacement:
    """What of ours stands where, and why."""

    names: tuple[Name, ...]
    ours: Callable[..., Any]
    """The function or class, for who wants to read it."""
    value: Any
    """What is put in place: `ours` with its original, or what is made of it."""
    adds: bool
    """MiniStack has no such name."""
    why: str
    upstream: str
    """What would be proposed to MiniStack; empty for what belongs here."""

    @property
    def where(self) -> str:
        """Return file and line of `ours`."""
        code = inspect.unwrap(self.ours)
        _, line = inspect.getsourcelines(code)
        return f"{Path(inspect.getfile(code)).name}:{line}"

    def __str__(self) -> str:
        return f"{self.ours.__qualname__} ({self.where})"


class Replacements:
    """All replacements of a process. The emulator has one; a test may have its own."""

    def __init__(self) -> None:
        self._by_name: dict[str, Replacement] = {}
        self._applied = False

    def __iter__(self) -> Iterator[Replacement]:
        """Yield each once, in the order of the names."""
        named = sorted(self._by_name.items())
        yield from dict.fromkeys(replacement for _, replacement in named)

    def replaces(
        self, owner: Owner, *names: str, bound_in: Sequence[ModuleType] = (), upstream: str = ""
    ) -> Callable[[Callable[Concatenate[Any, P], R]], Callable[P, R]]:
        """Register a function that takes the place of the one that has these names.

        Its first argument is the original. What is returned is the function with its original, for
        other code of ours to call.
        """
        targets = [Name(owner, name) for name in names]
        targets += [Name(module, names[0]) for module in bound_in]

        def register(ours: Callable[Concatenate[Any, P], R]) -> Callable[P, R]:
            original = targets[0].value()

            @functools.wraps(ours)
            def replacement(*args: P.args, **kwargs: P.kwargs) -> R:
                return ours(original, *args, **kwargs)

            self.add(targets, ours=ours, value=replacement, upstream=upstream)
            return replacement

        return register

    def adds(self, owner: Owner, *names: str, upstream: str = "") -> Callable[[F], F]:
        """Register a function under names that MiniStack does not have."""

        def register(ours: F) -> F:
            targets = [Name(owner, name) for name in names]
            self.add(targets, ours=ours, value=ours, adds=True, upstream=upstream)
            return ours

        return register

    def add(
        self,
        targets: Sequence[Name],
        *,
        ours: Callable[..., Any],
        value: Any,
        adds: bool = False,
        why: str = "",
        upstream: str = "",
    ) -> None:
        """Register any value; the decorators are for functions."""
        replacement = Replacement(
            names=tuple(targets),
            ours=ours,
            value=value,
            adds=adds,
            why=why or (inspect.getdoc(ours) or "").partition("\n")[0],
            upstream=upstream,
        )
        if self._applied:
            raise ReplacementError(f"{replacement.where} is loaded too late to replace anything.")
        for target in targets:
            if other := self._by_name.get(str(target)):
                raise ReplacementError(
                    f"{target} is replaced twice: by {other} and by {replacement}. Make them one."
                )
        self._by_name |= {str(target): replacement for target in targets}

    def problems(self) -> list[str]:
        """Say what does not fit the MiniStack that is installed, a line for each name."""
        lines = []
        for replacement in self:
            missing = [name for name in replacement.names if not name.exists]
            if replacement.adds:
                lines += [
                    f"{name} is in MiniStack now: compare it with {replacement}, perhaps delete it."
                    for name in replacement.names
                    if name.exists
                ]
            elif missing:
                lines += [
                    f"{name} is gone from MiniStack: {replacement} replaces it." for name in missing
                ]
            elif len({id(name.value()) for name in replacement.names}) > 1:
                names = " and ".join(str(name) for name in replacement.names)
                lines.append(
                    f"{names} are not one thing any more: {replacement} replaces them all."
                )
        return lines

    def apply(self) -> None:
        """Put everything in place; nothing at all if something does not fit."""
        if problems := self.problems():
            raise ReplacementError("\n".join(problems))
        self._applied = True
        for replacement in self:
            for name in replacement.names:
                name.set(replacement.value)


REPLACEMENTS = Replacements()
replaces = REPLACEMENTS.replaces
adds = REPLACEMENTS.adds


def load(*, with_engine: bool) -> Replacements:
    """Import everything that registers a replacement."""
    for subject in (*SUBJECTS, *(ENGINE_SUBJECTS if with_engine else ())):
        import_module(f"{__package__}.{subject}")
    return REPLACEMENTS
