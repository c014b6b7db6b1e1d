"""The resolver of the VPC, and the way of the tasks to the local AWS.

Runs as root in a container of its own, at the VPC's third address and at that of ECS. It answers
AWS's names with the first, and joins connections for AWS and for ECS's answers to tasks to two Unix
sockets of the local AWS. Each line of its standard input is the whole zone as JSON, ``{name:
{"ttl": seconds, "addresses": [...]}}``; the end of the input is the end of the container.
"""

import asyncio
import fcntl
import json
import random
import socket
import struct
import sys
import threading
from typing import Any

from dnslib import QTYPE, RCODE, RR, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer

QUIET = DNSLogger("-request,-reply,-truncated,-error")
"""The rehearsal reads only the first line of the output: a full pipe would stop the resolver."""

MOST_ADDRESSES = 8
"""The most addresses in a multivalue answer of Route 53."""
AWS_TTL_SECONDS = 60

# The two requests to Linux that give an interface an address and its mask, sockios.h.
_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C
_CHUNK_BYTES = 64 * 1024


class Zone(BaseResolver):  # type: ignore[misc]
    """Answers from memory for the names of the zone, and asks no other server.

    ``aws`` is the address of all names of AWS.
    """

    def __init__(self, aws: str) -> None:
        self.names: dict[str, Any] = {}
        self._aws = {"ttl": AWS_TTL_SECONDS, "addresses": [aws]}

    def resolve(self, request: Any, _handler: Any) -> Any:
        """Answer a question; addresses come in another order every time."""
        reply = request.reply()
        name = str(request.q.qname).rstrip(".").lower()
        found: Any = self._aws if name.endswith(".amazonaws.com") else self.names.get(name)
        if found is None:
            reply.header.rcode = RCODE.NXDOMAIN
        elif request.q.qtype == QTYPE.A:
            addresses = list(found["addresses"])
            random.shuffle(addresses)
            for address in addresses[:MOST_ADDRESSES]:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=found["ttl"]))
        return reply


def take_address(address: str) -> None:
    """Give the loopback interface another address, which then also packets from outside reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, "255.255.255.255")):
            packed = struct.pack("16sHxx4s8x", b"lo:1", socket.AF_INET, socket.inet_aton(value))
            fcntl.ioctl(any_socket, request, packed)


async def join(ways: list[tuple[str, int, str]], begun: threading.Event) -> None:
    """Join each connection to an address and port to a new connection to a Unix socket."""
    for address, port, path in ways:

        async def joined(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str = path
        ) -> None:
            far_reader, far_writer = await asyncio.open_unix_connection(path)
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

        await asyncio.start_server(joined, address, port)
    begun.set()
    await asyncio.Event().wait()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # one of both has gone, and so the other is told
    finally:
        writer.close()


def main() -> None:
    """Serve until the input ends."""
    address, of_ecs, sockets = sys.argv[1:]
    zone, begun = Zone(address), threading.Event()
    take_address(of_ecs)
    ways = [(address, 443, f"{sockets}/aws")]
    ways += [(each, 80, f"{sockets}/ecs") for each in (address, of_ecs)]
    threading.Thread(target=asyncio.run, args=[join(ways, begun)], daemon=True).start()
    for tcp in (False, True):
        DNSServer(zone, port=53, address=address, tcp=tcp, logger=QUIET).start_thread()
    begun.wait()
    print("ready", flush=True)
    for line in sys.stdin:
        zone.names = json.loads(line)


if __name__ == "__main__":
    main()
