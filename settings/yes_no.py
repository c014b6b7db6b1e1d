"""Yes or no: `True` or `False`."""

from typing import Annotated

from pydantic import BeforeValidator

from .problems import UnfitError


def yes_no(value: object) -> bool:
    """Return the truth value that the text names, in any case; nothing else is accepted."""
    answer = {"true": True, "false": False}.get(str(value).lower())
    if answer is None:
        raise UnfitError("expected True or False")
    return answer


YesNo = Annotated[bool, BeforeValidator(yes_no)]
