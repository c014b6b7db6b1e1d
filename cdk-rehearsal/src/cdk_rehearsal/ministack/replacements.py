"""How code of this package replaces functions, classes and table entries of MiniStack.

::

    @replaces(ecr, "_put_image")
    def put_image(original: Handler, request: Request) -> Response:
        \"\"\"Move a tag only if the repository allows it.\"\"\"
        return original(request)

A decorator only registers a replacement; `apply` puts all of them in place before the emulator
serves. So the order in which the modules are loaded does not matter, and `original` is always
MiniStack's own function. Two replacements of one name are an error.

MiniStack's modules import functions from each other with `from ... import` and keep them in tables.
So a replacement lists every name of the function: several names of one owner, and in ``bound_in``
the modules that import the first name. `python -m cdk_rehearsal.server --replacements` prints all
replacements.
"""

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# The modules that register replacements.
MODULES = (
    "iam.judge",
    "ministack.moto",
    "server.authentication",
    "server.door",
    "server.service_models",
    "services.application_autoscaling.resources",
    "services.awslambda.resources",
    "services.cloudformation.api",
    "services.cloudformation.conditions",
    "services.cloudformation.execution_role",
    "services.cloudwatch.resources",
    "services.codebuild.resources",
    "services.codepipeline.resources",
    "services.ec2.resources",
    "services.ecr.api",
    "services.ecr.layers",
    "services.ecr.resources",
    "services.ecs.deployments",
    "services.ecs.discovery",
    "services.ecs.resources",
    "services.ecs.tasks",
    "services.logs.resources",
    "services.s3.api",
    "services.s3.resources",
    "services.secretsmanager.resources",
    "services.servicediscovery.api",
    "services.sns.resources",
    "services.sqs.api",
)
# Loaded only if a container engine runs the ECS tasks.
MODULES_WITH_ENGINE = ("services.ecs.containers", "services.ecs.health")

_GONE = object()
_ENTRY = re.compile(r"(?P<table>\w+)\[(?P<key>.+)\]$")


class ReplacementError(RuntimeError):
    """Replacements that do not fit the installed MiniStack; a line for each."""


@dataclass(frozen=True)
class Name:
    """A name in a module, or an entry of a table in it: `_ACTION_MAP[StopTask]`."""

    owner: ModuleType
    name: str

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.name}"

    @property
    def exists(self) -> bool:
        return self.value() is not _GONE

    def value(self) -> Any:
        """Return the current value of the name."""
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
    """A function or class of this package, the names of MiniStack it replaces, and the reason."""

    names: tuple[Name, ...]
    function: Callable[..., Any]
    """The function or class as it is written in this package."""
    value: Any
    """The new value of the names: `function` with its original bound, or a table entry."""
    adds: bool
    """True if MiniStack has no such name."""
    why: str

    def __str__(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}"


class Replacements:
    """All replacements of a process. The emulator has one; a test may have its own."""

    def __init__(self) -> None:
        self._by_name: dict[str, Replacement] = {}

    def __iter__(self) -> Iterator[Replacement]:
        """Yield each once, in the order of the names."""
        named = sorted(self._by_name.items())
        yield from dict.fromkeys(replacement for _, replacement in named)

    def replaces(
        self, owner: ModuleType, *names: str, bound_in: Sequence[ModuleType] = ()
    ) -> Callable[[Callable[Concatenate[Any, P], R]], Callable[P, R]]:
        """Register a function that replaces the one with these names.

        Its first argument is the original. The decorator returns the function with the original
        bound, so other code of this package calls it like the original.
        """
        targets = [Name(owner, name) for name in names]
        targets += [Name(module, names[0]) for module in bound_in]

        def register(function: Callable[Concatenate[Any, P], R]) -> Callable[P, R]:
            original = targets[0].value()

            @functools.wraps(function)
            def replacement(*args: P.args, **kwargs: P.kwargs) -> R:
                return function(original, *args, **kwargs)

            self.add(targets, function=function, value=replacement)
            return replacement

        return register

    def add(
        self,
        targets: Sequence[Name],
        *,
        function: Callable[..., Any],
        value: Any,
        adds: bool = False,
        why: str = "",
    ) -> None:
        """Register any value, also (``adds``) for names that MiniStack does not have."""
        replacement = Replacement(
            names=tuple(targets),
            function=function,
            value=value,
            adds=adds,
            why=why or (inspect.getdoc(function) or "").partition("\n")[0],
        )
        for target in targets:
            if other := self._by_name.get(str(target)):
                raise ReplacementError(
                    f"{target} is replaced twice: by {other} and by {replacement}. Make them one."
                )
        self._by_name |= {str(target): replacement for target in targets}

    def problems(self) -> list[str]:
        """Return what does not fit the installed MiniStack, a line for each name."""
        lines = []
        for replacement in self:
            for name in replacement.names:
                if replacement.adds and name.exists:
                    lines.append(
                        f"{name} now exists in MiniStack: compare it with {replacement}, and delete"
                        " that if MiniStack's does the same."
                    )
                elif not replacement.adds and not name.exists:
                    lines.append(
                        f"{name} no longer exists in MiniStack, but {replacement} replaces it."
                    )
            values = {id(name.value()) for name in replacement.names if name.exists}
            if len(values) > 1:
                names = " and ".join(str(name) for name in replacement.names)
                lines.append(
                    f"{names} no longer have the same value, but {replacement} replaces them all."
                )
        return lines

    def apply(self) -> None:
        """Put all replacements in place; ``ReplacementError`` and none if one does not fit."""
        if problems := self.problems():
            raise ReplacementError("\n".join(problems))
        for replacement in self:
            for name in replacement.names:
                name.set(replacement.value)


REPLACEMENTS = Replacements()
replaces = REPLACEMENTS.replaces


def load(*, with_engine: bool) -> Replacements:
    """Import the modules that register replacements."""
    for module in (*MODULES, *(MODULES_WITH_ENGINE if with_engine else ())):
        import_module(f"cdk_rehearsal.{module}")
    return REPLACEMENTS
