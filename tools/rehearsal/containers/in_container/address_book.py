"""A name and its addresses, asked of the resolver of this container and kept for the TTL."""

import random
import threading
import time
from pathlib import Path

from dnslib import DNSRecord

_DNS_SECONDS = 1.0
_DNS_TRIES = 3


class AddressBook:
    """The addresses of one name; ``forever`` keeps the first answer, as some run times do.

    The first answer of another one counts for a random part of its TTL, as if the caller had asked
    some time ago: several books then do not ask at the same time.
    """

    def __init__(self, name: str, *, forever: bool = False) -> None:
        self._name = name
        self._forever = forever
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
            stale = time.monotonic() >= self._expires and not self._forever
            if stale or not self._addresses:
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
