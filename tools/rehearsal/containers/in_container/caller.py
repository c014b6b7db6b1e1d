"""A caller of a service, as another service would be one: by name, at a steady rate.

Its arguments are URL MODE RATE MOST_SECONDS; it ends with its standard input, or after the time.
Each request is a line of JSON on standard output. A request does not wait for the one before it.

careful   honours the TTL; a request that fails is tried again, twice, at another address
plain     honours the TTL; every failure counts
forever   never asks for the name again; every failure counts
"""

import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from tools.rehearsal.containers.in_container.address_book import AddressBook
from tools.rehearsal.containers.in_container.connections import Connections

ATTEMPTS = {"careful": 3, "plain": 1, "forever": 1}
TIMEOUT_SECONDS = 2.0
PAUSE_SECONDS = 0.1
MOST_AT_ONCE = 64
BOOKS = 4
"""As many processes of the caller, each with a TTL that began at another time."""


class Caller:
    """Makes requests; what fails is tried again as often as the mode says."""

    def __init__(self, url: str, mode: str) -> None:
        parts = urlsplit(url)
        self._path, self._host, self._port = parts.path or "/", parts.netloc, parts.port or 80
        self._attempts = ATTEMPTS[mode]
        forever = mode == "forever"
        self._books = [AddressBook(parts.hostname or "", forever=forever) for _ in range(BOOKS)]
        self._connections = Connections(TIMEOUT_SECONDS)

    def call(self) -> dict[str, Any]:
        """Make one request, with all its attempts, and tell what came of it."""
        book = random.choice(self._books)  # noqa: S311 - no secret
        began, address, errors = time.time(), "", []
        for attempt in range(self._attempts):
            if attempt:
                time.sleep(PAUSE_SECONDS)
                book.forget()
            try:
                address = book.choose(avoid=address)
                answer = self._get(address)
            except (OSError, HTTPException, ValueError) as error:
                errors.append(f"{type(error).__name__}: {error}")
            else:
                return {"at": began, "ok": True, "errors": errors, "from": address, **answer}
        return {"at": began, "ok": False, "errors": errors, "from": address}

    def _get(self, address: str) -> dict[str, Any]:
        connection = self._connections.take(address, self._port)
        try:
            answer, keep = self._ask(connection)
        except BaseException:
            connection.close()
            raise
        if keep:
            self._connections.give_back(address, connection)
        else:
            connection.close()
        return answer

    def _ask(self, connection: HTTPConnection) -> tuple[dict[str, Any], bool]:
        connection.request("GET", self._path, headers={"Host": self._host})
        response = connection.getresponse()
        body = json.loads(response.read())
        if response.status != 200:  # noqa: PLR2004 - OK
            raise ValueError(f"status {response.status}")
        answer = {key: body[key] for key in ("revision", "task", "zone")}
        return answer, not response.will_close


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
