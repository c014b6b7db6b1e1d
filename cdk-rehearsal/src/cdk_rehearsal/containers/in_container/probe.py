"""Looks at a service from inside the network, and prints one line of JSON.

``call HOST PORT PATH SECONDS`` calls each address of a name until all have answered or the time is
over. ``listening`` lists the addresses and ports at which processes listen in the network namespace
of this process; a container shares that of the container that it examines.
The program needs only Python's own library.
"""

import json
import socket
import struct
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

TIMEOUT_SECONDS = 3.0
PAUSE_SECONDS = 0.25

_LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h of Linux


def call(host: str, port: int, path: str, seconds: float) -> dict[str, dict[str, str]]:
    """Return the answers and the failures, both by address.

    Without a path any connection counts as an answer. With a path an answer needs a status below
    400.
    """
    deadline = time.monotonic() + seconds
    while True:
        answers, failures = _ask_all(host, port, path)
        if (answers and not failures) or time.monotonic() > deadline:
            return {"answers": answers, "failures": failures}
        time.sleep(PAUSE_SECONDS)


def _ask_all(host: str, port: int, path: str) -> tuple[dict[str, str], dict[str, str]]:
    try:
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return {}, {host: "the name does not resolve"}
    answers, failures = {}, {}
    for address in sorted({str(each[4][0]) for each in found}):
        try:
            answers[address] = _ask(host, address, port, path)
        except OSError as error:
            failures[address] = error.strerror or str(error) or type(error).__name__
        except ValueError as error:
            failures[address] = str(error)
    return answers, failures


def _ask(host: str, address: str, port: int, path: str) -> str:
    connection = HTTPConnection(address, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.connect()
        try:
            connection.request("GET", path or "/", headers={"Host": f"{host}:{port}"})
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            if path:
                raise ValueError(f"no HTTP at {path}: {type(error).__name__} {error}") from None
            return "TCP"
    finally:
        connection.close()
    if path and status >= 400:  # noqa: PLR2004 - where errors begin
        raise ValueError(f"HTTP {status} at {path}")
    return f"HTTP {status}"


def listening(folder: Path = Path("/proc/net")) -> list[tuple[str, int]]:
    """Return addresses and ports as Linux lists them, with words in the order of this machine."""
    found = set()
    for file, family, words in (("tcp", socket.AF_INET, 1), ("tcp6", socket.AF_INET6, 4)):
        path = folder / file
        lines = path.read_text("ascii").splitlines()[1:] if path.exists() else []
        for line in lines:
            _, local, _, state, *_ = line.split()
            address, _, port = local.partition(":")
            if state == _LISTEN:
                numbers = struct.unpack(f">{words}I", bytes.fromhex(address))
                text = socket.inet_ntop(family, struct.pack(f"={words}I", *numbers))
                found.add((text, int(port, 16)))
    return sorted(found)


def main() -> None:
    """Do what the arguments say."""
    what, *rest = sys.argv[1:]
    if what == "call":
        host, port, path, seconds = rest
        print(json.dumps(call(host, int(port), path, float(seconds))))
    else:
        print(json.dumps(listening()))


if __name__ == "__main__":
    main()
