"""What the actions of the function share: the service, the result, the time, and the errors."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

RESERVE_SECONDS = 45
"""The rest of the function's time that it keeps for a part in transfer and for the answer."""


class ActionError(Exception):
    """The action fails; the pipeline shows the message."""


class OutOfTimeError(Exception):
    """The function's time is nearly over, and work is left."""


@dataclass(frozen=True)
class Service:
    """The service that the function works for. Repositories are URIs without a tag."""

    repository: str
    builds: str
    live_tag: str
    cluster: str
    name: str
    container: str
    definitions_file: str
    alarms: tuple[str, ...]
    log_group: str
    """Of the containers."""
    pipeline: str
    topic: str = ""
    """The ARN of the topic for mails, if there is one."""

    @classmethod
    def of_environment(cls, variables: Mapping[str, str]) -> "Service":
        """Read the environment variables that ReleaseFunction sets."""
        return cls(
            repository=variables["REPOSITORY"],
            builds=variables["BUILDS_REPOSITORY"],
            live_tag=variables["LIVE_TAG"],
            cluster=variables["CLUSTER"],
            name=variables["SERVICE"],
            container=variables["CONTAINER"],
            definitions_file=variables["IMAGE_DEFINITIONS_FILE"],
            alarms=tuple(json.loads(variables["ALARMS"])),
            log_group=variables["LOG_GROUP"],
            pipeline=variables["PIPELINE"],
            topic=variables.get("TOPIC", ""),
        )


@dataclass(frozen=True)
class Outcome:
    """The result of a call: with a ``token`` the action is in progress, else it has succeeded."""

    summary: str
    token: str = ""
    variables: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Clock:
    """The time, and the seconds that the function has left."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    remaining: Callable[[], float] = lambda: float("inf")

    def require(self) -> None:
        """Raise OutOfTimeError if only the reserve is left."""
        if self.remaining() < RESERVE_SECONDS:
            raise OutOfTimeError

    def pause(self, seconds: float) -> None:
        """Sleep, or raise OutOfTimeError if only the reserve would be left."""
        if self.remaining() < RESERVE_SECONDS + seconds:
            raise OutOfTimeError
        self.sleep(seconds)


def quoted(value: object) -> str:
    """Return text of unknown length, such as the export of a build, for a message."""
    return shortened(json.dumps(value), 300)


def shortened(text: str, length: int) -> str:
    """Return text that has at most ``length`` characters."""
    return text if len(text) <= length else f"{text[: length - 3]}..."
