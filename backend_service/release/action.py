"""What the actions of the function share: the service, the result, the time, and the errors."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

RESERVE_SECONDS = 45
"""The rest of the function's time that it keeps for a part in transfer and for the answer."""


class ActionError(Exception):
    """The action fails; the pipeline shows the message."""


class OutOfTimeError(Exception):
    """The function's time is nearly over, and work is left."""


@dataclass(frozen=True)
class Service:
    """The service that the function works for. Repositories are URIs without a tag.

    Deliveries take their images from ``builds``. ``alarms`` are names with commas between them,
    ``log_group`` is that of the containers, and ``topic`` is the ARN of the topic for mails, empty
    if there is none. ``command`` runs before a rollout: a list of words in JSON.
    """

    repository: str
    builds: str
    live_tag: str
    cluster: str
    name: str
    container: str
    definitions_file: str
    alarms: str
    log_group: str
    pipeline: str
    topic: str
    command: str = "[]"

    @classmethod
    def of_environment(cls, variables: Mapping[str, str]) -> "Service":
        """Read the environment variables of the function: one for each field."""
        named = {field.name: field.name.upper() for field in fields(cls)}
        return cls(**{key: variables[name] for key, name in named.items() if name in variables})


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

    def require(self, seconds: float = 0) -> None:
        """Raise OutOfTimeError unless these seconds and the reserve are left."""
        if self.remaining() < RESERVE_SECONDS + seconds:
            raise OutOfTimeError

    def pause(self, seconds: float) -> None:
        """Sleep, or raise OutOfTimeError if only the reserve would be left."""
        self.require(seconds)
        self.sleep(seconds)


def alarms_on(cloudwatch: Any, service: Service) -> list[Mapping[str, Any]]:
    """Return those alarms of the service that are on."""
    names = service.alarms.split(",")
    return list(cloudwatch.describe_alarms(AlarmNames=names, StateValue="ALARM")["MetricAlarms"])


def quoted(value: object) -> str:
    """Return text of unknown length, such as the export of a build, for a message."""
    return shortened(json.dumps(value), 300)


def shortened(text: str, length: int) -> str:
    """Return text that has at most ``length`` characters."""
    return text if len(text) <= length else f"{text[: length - 3]}..."
