"""A listening socket with a limit of open connections.

A connection needs memory before it has sent anything. Without a limit every user of the machine
could use up the memory.
"""

import socket
from typing import Any, Self
from weakref import WeakSet

MOST_CONNECTIONS = 512


class Listener(socket.socket):
    """Closes each connection above the limit at once."""

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
