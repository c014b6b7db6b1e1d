"""The resolver of the VPC, and the metadata endpoint of the tasks.

Runs as root in a container of its own, at the VPC's third address. Each line of its standard input
is the whole zone as JSON, ``{name: {"ttl": seconds, "addresses": [...]}}``; the end of the input is
the end of the container.
"""

import base64
import json
import random
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dnslib import QTYPE, RCODE, RR, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer

QUIET = DNSLogger("-request,-reply,-truncated,-error")
"""The rehearsal reads only the first line of the output: a full pipe would stop the resolver."""

MOST_ADDRESSES = 8
"""The most addresses in a multivalue answer of Route 53."""


class Zone(BaseResolver):  # type: ignore[misc]
    """Answers from memory for the names of the zone, and asks no other server."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}

    def resolve(self, request: Any, _handler: Any) -> Any:
        """Answer a question; addresses come in another order every time."""
        reply = request.reply()
        found = self.names.get(str(request.q.qname).rstrip(".").lower())
        if found is None:
            reply.header.rcode = RCODE.NXDOMAIN
        elif request.q.qtype == QTYPE.A:
            addresses = list(found["addresses"])
            random.shuffle(addresses)
            for address in addresses[:MOST_ADDRESSES]:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=found["ttl"]))
        return reply


class Metadata(BaseHTTPRequestHandler):
    """Answers ``/v4/<token>/task``; the token holds the answer, so nothing is stored here."""

    def do_GET(self) -> None:
        """Answer with the content of the token."""
        try:
            _, version, token, what = self.path.split("/")
            body = base64.urlsafe_b64decode(token)
            status = 200 if (version, what) == ("v4", "task") else 404
        except ValueError:
            status, body = 404, b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until the input ends."""
    zone = Zone()
    address = sys.argv[1]
    for tcp in (False, True):
        DNSServer(zone, port=53, address=address, tcp=tcp, logger=QUIET).start_thread()
    metadata = ThreadingHTTPServer((address, 80), Metadata)
    threading.Thread(target=metadata.serve_forever, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        zone.names = json.loads(line)


if __name__ == "__main__":
    main()
