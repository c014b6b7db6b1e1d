"""A container engine: the command line that docker and podman have in common."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

from tools.rehearsal.process_environment import engine_environment


class NoEngineError(Exception):
    """This machine cannot run the containers; the message says what is missing."""


class EngineError(Exception):
    """The engine was asked for something and failed; the message holds what it printed."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """`command` is how it is called, `settings` are environment variables it needs for that."""

    name: str
    command: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What the engine is called with."""
        return {**engine_environment(), **self.settings}

    def __call__(self, *arguments: str, timeout: float = 60) -> str:
        """Run one command and return what it prints."""
        result = self.attempt(*arguments, timeout=timeout)
        if result.returncode:
            raise EngineError(
                f"{self.name} {' '.join(arguments)}: exit code {result.returncode}\n"
                f"{result.stdout}{result.stderr}"
            )
        return result.stdout.strip()

    def attempt(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run one command that may fail."""
        return subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def show(self, *arguments: str, timeout: float = 60) -> None:
        """Run one command that prints where we print; ``EngineError`` if it fails."""
        command = [*self.command, *arguments]
        status = subprocess.run(
            command, env=self.environment, timeout=timeout, check=False
        ).returncode
        if status:
            raise EngineError(f"{self.name} {' '.join(arguments)}: exit code {status}")

    def has_image(self, image: str) -> bool:
        """Whether the image is on this machine."""
        return self.attempt("image", "inspect", image).returncode == 0
