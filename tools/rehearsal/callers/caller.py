"""A caller of a service, as another service would be one: by name, at a steady rate.

Its arguments are URL RATE MOST_SECONDS; it ends with its standard input, or after the time. Each
request is a line of JSON on standard output: when it began, the address that it called, and its
error, which is empty after an answer.
"""

import json
import random
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from dnslib import DNSRecord

TIMEOUT_SECONDS = 2.0
_DNS_SECONDS = 5.0  # as long as glibc waits
_RESOLVER_FILE = Path("/etc/resolv.conf")


class AddressBook:
    """The addresses of one name, asked for again when their TTL is over."""

    def __init__(self, name: str) -> None:
        lines = _RESOLVER_FILE.read_text(encoding="utf-8").splitlines()
        self._nameserver = next(line.split()[1] for line in lines if line.startswith("nameserver"))
        self._name = name
        self._addresses: list[str] = []
        self._expires = 0.0

    def choose(self) -> str:
        """Return one of the addresses."""
        if time.monotonic() >= self._expires:
            question = DNSRecord.question(self._name, "A")
            packet = question.send(self._nameserver, 53, timeout=_DNS_SECONDS)
            answers = DNSRecord.parse(packet).rr
            if not answers:
                raise OSError(f"{self._name} does not resolve")
            self._addresses = [str(answer.rdata) for answer in answers]
            self._expires = time.monotonic() + min(answer.ttl for answer in answers)
        return random.choice(self._addresses)  # noqa: S311 - no secret


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
    end = time.monotonic() + float(most_seconds)

    def wait_for_the_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    while not over.wait(1 / float(rate)) and time.monotonic() < end:
        began, address, failure = time.time(), "", ""
        try:
            address = book.choose()
            _get(url, address)
        except (OSError, HTTPException, ValueError) as error:
            failure = f"{type(error).__name__}: {error}"
        print(json.dumps({"at": began, "from": address, "error": failure}), flush=True)


if __name__ == "__main__":
    main()
