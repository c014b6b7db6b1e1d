"""Groups of settings: how the texts of a file become one, and what is said if they do not."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from .place import Place

G = TypeVar("G", bound="SettingsGroup")


class SettingsGroup(BaseModel):
    """Settings that belong together: frozen, and made of validated values only.

    A rule between two keys is a field validator of the later one. It finds the earlier one in
    `info.data` if that is valid by itself, so one pass finds every problem and none twice.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        # A traceback or a log of the original error must not tell a secret.
        hide_input_in_errors=True,
    )


def fill(
    group: type[G], values: Mapping[str, object], place: Place
) -> tuple[G | None, dict[str, str]]:
    """Make the group of the values that it needs.

    Returns the group, or None together with what is expected, by key. A key that `values` lacks
    is not mentioned there: whoever left it out has said why.
    """
    try:
        return group.model_validate(values, context=place), {}
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    misfits: dict[str, str] = {}
    for detail in found:
        if detail["type"] != "missing":
            # One message per key: the items of a list mostly fail for the same reason.
            misfits.setdefault(str(detail["loc"][0]), str(detail["ctx"]["error"]))
    return None, misfits


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


NoneIfEmpty = BeforeValidator(_none_if_empty)
