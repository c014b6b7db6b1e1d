"""A caller of a service, as another service would be one: by name, at a steady rate.

Its arguments are URL MODE RATE MOST_SECONDS; it ends with its standard input, or after the time.
Each request is a line of JSON on standard output. A request does not wait for the one before it.

careful   honours the TTL; a request that fails is tried again, twice, at another address
plain     honours the TTL; every failure counts
"""

import json
import random
import select
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dnslib import DNSRecord

ATTEMPTS = {"careful": 3, "plain": 1}
TIMEOUT_SECONDS = 2.0
PAUSE_SECONDS = 0.1
MOST_AT_ONCE = 64

_DNS_SECONDS = 1.0
_DNS_TRIES = 3


class Caller:
    """Makes requests; what fails is tried again as often as the mode says."""

    def __init__(self, url: str, mode: str) -> None:
        parts = urlsplit(url)
        self._path, self._host, self._port = parts.path or "/", parts.netloc, parts.port or 80
        self._attempts = ATTEMPTS[mode]
        self._book = AddressBook(parts.hostname or "")
        self._connections = Connections(TIMEOUT_SECONDS)

    def call(self) -> dict[str, Any]:
        """Make one request, with all its attempts, and tell what came of it."""
        began, address, errors = time.time(), "", []
        for attempt in range(self._attempts):
            if attempt:
                time.sleep(PAUSE_SECONDS)
                self._book.forget()
            try:
                address = self._book.choose(avoid=address)
                self._get(address)
            except (OSError, HTTPException, ValueError) as error:
                errors.append(f"{type(error).__name__}: {error}")
            else:
                return {"at": began, "ok": True, "errors": errors, "from": address}
        return {"at": began, "ok": False, "errors": errors, "from": address}

    def _get(self, address: str) -> None:
        connection = self._connections.take(address, self._port)
        try:
            connection.request("GET", self._path, headers={"Host": self._host})
            response = connection.getresponse()
            response.read()
            if response.status != 200:  # noqa: PLR2004 - OK
                raise ValueError(f"status {response.status}")
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._connections.give_back(address, connection)


class AddressBook:
    """The addresses of one name.

    The first answer of another one counts for a random part of its TTL, as if the caller had asked
    some time ago: several books then do not ask at the same time.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._addresses: list[str] = []
        self._expires = 0.0
        self._asked = False
        self._nameserver = next(
            line.split()[1]
            for line in Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines()
            if line.startswith("nameserver")
        )

    def choose(self, avoid: str = "") -> str:
        """Return one of the addresses, another one than ``avoid`` if there is."""
        with self._lock:
            if time.monotonic() >= self._expires or not self._addresses:
                self._ask()
            others = [address for address in self._addresses if address != avoid]
            return random.choice(others or self._addresses)  # noqa: S311 - no secret

    def forget(self) -> None:
        """Ask again next time, whatever the TTL says."""
        with self._lock:
            self._expires = 0.0

    def _ask(self) -> None:
        question = DNSRecord.question(self._name, "A")
        for attempt in range(_DNS_TRIES):
            try:
                packet = question.send(self._nameserver, 53, timeout=_DNS_SECONDS)
            except OSError:
                if attempt == _DNS_TRIES - 1:
                    raise
                continue
            answers = DNSRecord.parse(packet).rr
            if not answers:
                raise OSError(f"{self._name} does not resolve")
            self._addresses = [str(answer.rdata) for answer in answers]
            ttl = min(answer.ttl for answer in answers)
            part = 1.0 if self._asked else random.random()  # noqa: S311 - no secret
            self._asked = True
            self._expires = time.monotonic() + ttl * part
            return


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


def main() -> None:
    """Call until the input or the time ends."""
    url, mode, rate, most_seconds = sys.argv[1:]
    over = threading.Event()
    caller = Caller(url, mode)
    due, period = time.monotonic(), 1 / float(rate)
    deadline = due + float(most_seconds)

    def wait_for_the_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()

    def work() -> None:
        sys.stdout.write(json.dumps(caller.call()) + "\n")

    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        while not over.wait(max(0.0, due - time.monotonic())) and due < deadline:
            pool.submit(work)
            due += period


if __name__ == "__main__":
    main()
