"""The resolver of the VPC, and the address at which tasks ask who they are.

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
"""Nobody reads what is printed after the first line: a full pipe would stop the resolver."""

MOST_ADDRESSES = 8
"""Of a multivalue answer, as Route 53 has it."""


class Zone(BaseResolver):  # type: ignore[misc]
    """Answers from memory, for the names that it was told; nobody else is asked."""

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
    """``/v4/<token>/task``: the token is the answer, so nothing has to be stored here."""

    def do_GET(self) -> None:
        """Give the answer that the address holds."""
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
