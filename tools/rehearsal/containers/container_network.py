"""A network of the container engine for one rehearsal, and everything in it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network

from tools.container_engine import Engine, EngineError, owned
from tools.container_engine.ownership import OWNER, labelled

# Rarely used by anyone; the first one that the engine finds free on this machine is taken.
_CANDIDATES = ("10.213.0.0/16", "10.187.0.0/16", "172.29.0.0/16", "10.149.0.0/16")


@dataclass(frozen=True, kw_only=True)
class ContainerNetwork:
    """``cidr`` is the range of its addresses; what runs in it carries ``labels``."""

    engine: Engine
    name: str
    cidr: str
    labels: dict[str, str]

    @property
    def resolver(self) -> str:
        """Where a VPC of these addresses would have its resolver: its base, plus two."""
        return str(IPv4Network(self.cidr)[2])

    def containers(self) -> list[str]:
        """Return the ids of everything that runs, or has run, in this network."""
        return labelled(self.engine, self.labels)


@contextmanager
def container_network(engine: Engine) -> Iterator[ContainerNetwork]:
    """Have a network without a way out; at the end it goes with every container of ours."""
    with owned(engine) as labels:
        name = f"{OWNER}-{secrets.token_hex(4)}"
        cidr = _create(engine, name, labels)
        yield ContainerNetwork(engine=engine, name=name, cidr=cidr, labels=labels)


def _create(engine: Engine, name: str, labels: dict[str, str]) -> str:
    # Names are the resolver's business; podman would answer them as well.
    options = ["--internal", *(f"--label={key}={value}" for key, value in labels.items())]
    options += ["--disable-dns"] if engine.name == "podman" else []
    reasons = []
    for cidr in _CANDIDATES:
        made = engine.attempt("network", "create", *options, f"--subnet={cidr}", name)
        if made.returncode == 0:
            return cidr
        reasons.append(made.stderr.strip())
    raise EngineError(f"{engine.name} makes no network: {'; '.join(reasons)}")
