"""A network of the container engine for one rehearsal, and everything in it."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network

from rehearsal.container_engine import Engine, EngineError

LABEL = "ecs-blueprint-rehearsal"
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
        return _labelled(self.engine, "ps", *_ALL, label=self.labels[LABEL])


_ALL = ("--all", "--no-trunc", "--format", "{{.ID}}")


@contextmanager
def container_network(engine: Engine) -> Iterator[ContainerNetwork]:
    """Have a network without a way out; at the end it goes with every container of ours."""
    _sweep(engine)
    owner = f"{os.getpid()}-{secrets.token_hex(3)}"
    network = ContainerNetwork(
        engine=engine,
        name=f"{LABEL}-{owner}",
        cidr=_create(engine, f"{LABEL}-{owner}", owner),
        labels={LABEL: owner},
    )
    try:
        yield network
    finally:
        _remove(engine, owner)


def _create(engine: Engine, name: str, owner: str) -> str:
    # Names are the resolver's business; podman would answer them as well.
    options = ["--internal", f"--label={LABEL}={owner}"]
    options += ["--disable-dns"] if engine.name == "podman" else []
    reasons = []
    for cidr in _CANDIDATES:
        made = engine.attempt("network", "create", *options, f"--subnet={cidr}", name)
        if made.returncode == 0:
            return cidr
        reasons.append(made.stderr.strip())
    raise EngineError(f"{engine.name} makes no network: {'; '.join(reasons)}")


def _sweep(engine: Engine) -> None:
    """Remove what rehearsals that were killed have left; those that run keep theirs."""
    names = engine("network", "ls", "--filter", f"label={LABEL}", "--format", "{{.Name}}").split()
    owners = {name.removeprefix(f"{LABEL}-") for name in names}
    if containers := engine("ps", *_ALL, "--filter", f"label={LABEL}").split():
        # One may end meanwhile: then nothing is told of the others either, until the next time.
        told = engine.attempt("inspect", *containers).stdout or "[]"
        owners |= {each["Config"]["Labels"][LABEL] for each in json.loads(told)}
    for owner in owners:
        if not _runs(int(owner.partition("-")[0])):
            _remove(engine, owner)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(engine: Engine, owner: str) -> None:
    if containers := _labelled(engine, "ps", *_ALL, label=owner):
        # At once: nobody calls them any more.
        engine.attempt("rm", "--force", "--volumes", *_no_delay(engine), *containers)
    for name in _labelled(engine, "network", "ls", "--format", "{{.Name}}", label=owner):
        engine.attempt("network", "rm", name)


def _no_delay(engine: Engine) -> list[str]:
    return ["--time=0"] if engine.name == "podman" else []


def _labelled(engine: Engine, *command: str, label: str) -> list[str]:
    return engine(*command, "--filter", f"label={LABEL}={label}").split()
