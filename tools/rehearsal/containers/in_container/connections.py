"""Connections that are kept open between requests, as the usual HTTP libraries do it."""

import select
import threading
from http.client import HTTPConnection


class Connections:
    """A pool; one that the other side has closed meanwhile is not taken again."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._idle: dict[str, list[HTTPConnection]] = {}

    def take(self, address: str, port: int) -> HTTPConnection:
        """Return a connection to an address, an idle one if there is one that is sound."""
        while True:
            with self._lock:
                idle = self._idle.get(address)
                connection = idle.pop() if idle else None
            if connection is None:
                return HTTPConnection(address, port, timeout=self._timeout)
            # Nothing was asked, so whatever can be read is the end of the connection.
            if connection.sock and not select.select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()

    def give_back(self, address: str, connection: HTTPConnection) -> None:
        """Keep a connection for the next request."""
        with self._lock:
            self._idle.setdefault(address, []).append(connection)
