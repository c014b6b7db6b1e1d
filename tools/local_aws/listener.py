"""A socket that listens, and takes only so many connections at the same time.

A connection needs memory before it has sent anything, so a stranger could take all of it.
"""

import socket
from typing import Any, Self
from weakref import WeakSet

MOST_CONNECTIONS = 512


class Listener(socket.socket):
    """Closes at once each connection that is one too many."""

    @classmethod
    def on(cls, address: tuple[str, int]) -> Self:
        listener = cls(fileno=socket.create_server(address).detach())
        listener._taken = WeakSet()
        return listener

    _taken: "WeakSet[socket.socket]"

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection; ``ConnectionAbortedError``, as of a client that has gone, if not."""
        connection, address = super().accept()
        if sum(each.fileno() >= 0 for each in self._taken) >= MOST_CONNECTIONS:
            connection.close()
            raise ConnectionAbortedError
        self._taken.add(connection)
        return connection, address
