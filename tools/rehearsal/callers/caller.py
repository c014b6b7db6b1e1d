"""A caller of a service, as another service would be one: by name, at a steady rate.

Its arguments are URL RATE MOST_SECONDS; it ends with its standard input, or after the time. Each
request is a line of JSON on standard output: when it began, the address that it called, and its
error, which is empty after an answer. No request waits for the one before it.
"""

import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dnslib import DNSRecord

TIMEOUT_SECONDS = 2.0
MOST_AT_ONCE = 64

_DNS_SECONDS = 1.0
_DNS_TRIES = 3


class AddressBook:
    """The addresses of one name, asked for again when their TTL is over."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._addresses: list[str] = []
        self._expires = 0.0
        self._nameserver = next(
            line.split()[1]
            for line in Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines()
            if line.startswith("nameserver")
        )

    def choose(self) -> str:
        """Return one of the addresses."""
        with self._lock:
            if time.monotonic() >= self._expires:
                self._ask()
            return random.choice(self._addresses)  # noqa: S311 - no secret

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
            self._expires = time.monotonic() + min(answer.ttl for answer in answers)
            return


def call(url: str, book: AddressBook) -> dict[str, Any]:
    """Make one request, and tell what came of it."""
    began, address, failure = time.time(), "", ""
    try:
        address = book.choose()
        _get(url, address)
    except (OSError, HTTPException, ValueError) as error:
        failure = f"{type(error).__name__}: {error}"
    return {"at": began, "from": address, "error": failure}


def _get(url: str, address: str) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(address, parts.port or 80, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
        status = connection.getresponse().status
        if status != 200:  # noqa: PLR2004 - OK
            raise ValueError(f"status {status}")
    finally:
        connection.close()


def main() -> None:
    """Call until the input or the time ends."""
    url, rate, most_seconds = sys.argv[1:]
    over, book = threading.Event(), AddressBook(urlsplit(url).hostname or "")
    due, period = time.monotonic(), 1 / float(rate)
    deadline = due + float(most_seconds)

    def wait_for_the_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()

    def work() -> None:
        sys.stdout.write(json.dumps(call(url, book)) + "\n")

    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        while not over.wait(max(0.0, due - time.monotonic())) and due < deadline:
            pool.submit(work)
            due += period


if __name__ == "__main__":
    main()
