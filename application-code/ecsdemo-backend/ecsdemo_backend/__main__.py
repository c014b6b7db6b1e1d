"""Start the service: `python -m ecsdemo_backend`."""

from __future__ import annotations

import logging.config
import os
import signal
import sys
from dataclasses import asdict

import uvicorn

from ecsdemo_backend.app import create_app
from ecsdemo_backend.configuration import Configuration
from ecsdemo_backend.drain import IN_FLIGHT_SECONDS, Drain, DrainingServer
from ecsdemo_backend.identity import Identity
from ecsdemo_backend.json_logs import LOG_CONFIG


def main() -> None:
    """Serve until a signal ends it; a malformed setting ends it at once."""
    # The first process of a container ignores signals it does not handle. Until the server
    # handles this one there is nothing to drain.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logging.config.dictConfig(LOG_CONFIG)
    try:
        configuration = Configuration.from_environment(os.environ)
    except ValueError as error:
        logging.critical("%s", error)
        sys.exit(1)

    identity = Identity.discover(configuration)
    logging.info("starting", extra={"fields": asdict(identity)})
    drain = Drain(configuration.drain_seconds)
    server = DrainingServer(
        uvicorn.Config(
            create_app(identity, drain),
            host="0.0.0.0",  # noqa: S104 - callers are other containers
            port=configuration.port,
            log_config=None,  # configured above
            access_log=False,  # AccessLog writes it
            lifespan="off",
            ws="none",
            proxy_headers=False,  # no load balancer in front: the peer is the caller
            server_header=False,
            timeout_graceful_shutdown=IN_FLIGHT_SECONDS,
        ),
        drain,
    )
    server.run()


if __name__ == "__main__":
    main()
