"""What a check is, and what it is given to find its answer."""

from dataclasses import dataclass
from typing import Protocol

from doctor.answer import Answer
from doctor.aws import Aws
from doctor.github import GitHub
from settings import Settings


@dataclass(frozen=True)
class Case:
    """One settings file, the account that it is for, and GitHub if it may be asked."""

    settings: Settings
    aws: Aws
    github: GitHub | None = None


class Check(Protocol):
    """One question about an account. It only reads, and its answer holds no secret."""

    @property
    def what(self) -> str:
        """The thing that is looked at, in a few words."""
        ...

    def examine(self, case: Case) -> Answer:
        """Look at it. Errors of AWS may be raised: `refusal` turns them into answers."""
        ...
