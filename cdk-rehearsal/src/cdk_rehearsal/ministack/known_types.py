"""Which resource types CloudFormation knows here, and which properties their handlers read.

MiniStack ignores a property that its handler of the type does not read, and it has no table of
those that it reads. So this module collects the texts in the code of the handlers, of the functions
they call and of the constants they use: a property whose name is none of these texts is ignored. It
does not look at properties of properties. The types that are written in this package fail on what
they do not know.
"""

from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

from ministack.services.cloudformation import provisioners

from cdk_rehearsal.ministack.resource_types import PatchedType, ResourceType

_FOLLOWED = ("cdk_rehearsal.", "ministack.services.cloudformation.")


def known_types() -> dict[str, list[str] | None]:
    """Return by type the texts among which its properties are; None if it ignores none."""
    return {
        name: _texts_of(name, handlers)
        for name, handlers in provisioners._RESOURCE_HANDLERS.items()
    }


def _texts_of(name: str, handlers: dict[str, Any]) -> list[str] | None:
    own = getattr(handlers["create"], "__self__", None)
    if isinstance(own, ResourceType) and not isinstance(own, PatchedType):
        return None
    functions = list(handlers.values())
    if isinstance(own, PatchedType):
        functions = [*own.original.values()]
        functions += [value for each in type(own).__mro__ for value in vars(each).values()]
    texts: set[str] = set(provisioners._STACK_TAG_PROPERTY.get(name, ()))
    _collect(functions, texts, set())
    return sorted(texts)


def _collect(values: Iterable[Any], texts: set[str], seen: set[FunctionType]) -> None:
    """Add the texts in these values; enter the code of each function of MiniStack and ours."""
    for value in values:
        if isinstance(value, FunctionType):
            if value not in seen and value.__module__.startswith(_FOLLOWED):
                seen.add(value)
                # A function that replaces another one holds both in its closure.
                _collect((cell.cell_contents for cell in value.__closure__ or ()), texts, seen)
                _collect_code(value.__code__, value.__globals__, texts, seen)
        else:
            texts.update(_texts(value))


def _collect_code(
    code: CodeType, names: dict[str, Any], texts: set[str], seen: set[FunctionType]
) -> None:
    _collect((names.get(name) for name in code.co_names), texts, seen)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _collect_code(constant, names, texts, seen)
        else:
            texts.update(_texts(constant))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts((*value, *value.values()))
    elif isinstance(value, (tuple, list, set, frozenset)):
        for each in value:
            yield from _texts(each)
