"""Looks at a service from inside the network: who answers under a name, and what listens here.

``call HOST PORT PATH SECONDS`` asks each address that the name has until all have answered or the
time is over. ``listening`` lists where something listens, in the network that this process is in;
``listening`` of a container's own network therefore shows what that container does.
Either prints one line of JSON. Python's own library is all that it needs.
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
    """Return what each address answers, and what went wrong with those that do not.

    Without a path a connection is an answer, whatever is said over it; with one, no status of 400
    or more is.
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
    """Return addresses and ports, by proc_net_tcp of Linux: words in the order of this machine."""
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
