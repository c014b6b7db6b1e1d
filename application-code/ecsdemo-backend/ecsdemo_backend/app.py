"""The two things that can be asked of the service."""

from __future__ import annotations

from dataclasses import asdict

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ecsdemo_backend.drain import CloseConnectionsWhileDraining, Drain
from ecsdemo_backend.identity import Identity
from ecsdemo_backend.json_logs import AccessLog


def create_app(identity: Identity, drain: Drain) -> AccessLog:
    """Put the routes together; the access log is outermost, so it also sees what fails."""
    who = asdict(identity)

    async def index(_: Request) -> JSONResponse:
        return JSONResponse(who)

    async def health(_: Request) -> JSONResponse:
        # Still 200 while draining: ECS has stopped asking by then, and a caller that asks wants
        # to know whether this address answers. It does, until the process leaves.
        return JSONResponse({"status": "draining" if drain.active else "ok"})

    return AccessLog(
        Starlette(
            routes=[Route("/", index), Route("/health", health)],
            middleware=[Middleware(CloseConnectionsWhileDraining, drain=drain)],
        )
    )
