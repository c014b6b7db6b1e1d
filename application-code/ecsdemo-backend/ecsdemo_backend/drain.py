"""Leaving without dropping a request.

ECS takes a stopping task out of Cloud Map and sends SIGTERM, but DNS needs up to a minute to hear
of it, and callers use the address they have until its TTL is over. So the first SIGTERM only
starts the drain: the service goes on answering for `DRAIN_SECONDS`, and each answer closes its
connection, which makes callers that keep connections open look the name up again. Then it stops
accepting, finishes what it has begun, and exits 0. The sum stays inside the stop timeout of the
task definition: DRAIN_SECONDS (stop timeout - 15) + IN_FLIGHT_SECONDS < stop timeout.
"""

from __future__ import annotations

import logging
import signal
import time
from types import FrameType

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# How long requests that have begun may take to finish after the drain.
IN_FLIGHT_SECONDS = 10

_log = logging.getLogger(__name__)


class Drain:
    """The time between the first SIGTERM and the end of service."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end: float | None = None

    @property
    def active(self) -> bool:
        """Whether the first SIGTERM has come."""
        return self._end is not None

    @property
    def over(self) -> bool:
        """Whether it is time to stop accepting requests."""
        return self._end is not None and time.monotonic() >= self._end

    def begin(self) -> None:
        """Start the clock."""
        self._end = time.monotonic() + self.seconds


class CloseConnectionsWhileDraining:
    """ASGI middleware: tells keep-alive clients to come back through DNS."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with one more header while draining."""

        async def send_closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self._drain.active:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_closing)


class DrainingServer(uvicorn.Server):
    """uvicorn, except for what the first SIGTERM does."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain
        self._announced = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn calls it so
        """Go one step further at each signal: drain, finish what is in flight, leave at once.

        Ctrl+C (SIGINT) skips the drain: nobody's DNS points at a developer's terminal.
        Nothing is logged here: the signal may have interrupted the writing of another line.
        """
        if self.should_exit:
            self.force_exit = True
        elif self._drain.active or sig == signal.SIGINT:
            self.should_exit = True
        else:
            self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        """Do what uvicorn does ten times a second, and end the service when the drain is over."""
        if self._drain.active and not self._announced:
            self._announced = True
            _log.info("draining: answering for %g s more", self._drain.seconds)
        return self._drain.over or await super().on_tick(counter)
