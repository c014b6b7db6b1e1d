"""A closed network of the engine for one run, with a resolver in it as a VPC has one."""

import importlib.util
import json
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Self

from cdk_rehearsal.containers.engine import Engine, EngineError, docker_host
from cdk_rehearsal.containers.ownership import OWNER, containers_of, label_options, owned
from cdk_rehearsal.options import Delays, EngineAccess
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.server.local_aws import LocalAws

_TENS = (213, 187, 149, 233, 203, 227, 179, 157, 139, 241, 193, 167)
CANDIDATES = (*(f"10.{n}.0.0/16" for n in _TENS), *(f"172.{n}.0.0/16" for n in (29, 27, 30, 26)))
"""Ranges that few networks use. They are more than the runs and tests at the same time."""

Zone = dict[str, dict[str, Any]]
"""The ``ttl`` and the ``addresses`` of the A records, by name."""

# Each look asks the local AWS several questions. Four looks a second took half of the processor
# time of a rehearsal with containers.
POLL_SECONDS = 1.0
"""How often the resolver hears of Cloud Map: it may answer so much later than Route 53."""
_END_SECONDS = 5

_RESOLVER = Path(__file__).with_name("in_container") / "vpc_resolver.py"
_FOLDER = "/rehearsal-tools"

ECS_ADDRESS = "169.254.170.2"
"""The address at which ECS gives a task the credentials of its role. SDKs know it."""
_SOCKETS = "/rehearsal-sockets"


@dataclass(frozen=True, kw_only=True)
class ContainerNetwork:
    """``cidr`` is the range of its addresses; its containers have the ``labels``."""

    engine: Engine
    name: str
    cidr: str
    labels: dict[str, str]

    @property
    def resolver(self) -> str:
        """The address at which a VPC of this range has its resolver: the base, plus two."""
        return str(IPv4Network(self.cidr)[2])

    def containers(self) -> list[str]:
        """Return the ids of the containers of this network, ended ones included."""
        return containers_of(self.engine, self.labels[OWNER])


@contextmanager
def container_network(
    engine: Engine, cidrs: Sequence[str] = CANDIDATES
) -> Iterator[ContainerNetwork]:
    """Make a network without egress; at the end remove it with its containers.

    Its range is the first of ``cidrs`` that the engine finds free; ``EngineError`` without one.
    """
    with owned(engine) as labels:
        name = f"{OWNER}-{secrets.token_hex(4)}"
        cidr = _create(engine, name, labels, cidrs)
        yield ContainerNetwork(engine=engine, name=name, cidr=cidr, labels=labels)


@contextmanager
def aws_with_containers(
    engine: Engine,
    *,
    account: str,
    region: str,
    helper: str,
    cidrs: Sequence[str] = CANDIDATES,
    delays: Delays,
    instead: str = "",
) -> Iterator[tuple[LocalAws, ContainerNetwork, "ZoneFeed"]]:
    """Start a local AWS whose tasks are containers, and a network in which they have names.

    ``helper`` is an image with Python for the resolver; for ``instead`` see `EngineAccess`.
    """
    with docker_host(engine) as host, container_network(engine, cidrs) as network:
        access = EngineAccess(
            docker_host=host,
            network=network.name,
            resolver=network.resolver,
            labels=network.labels,
            instead=instead,
        )
        with (
            LocalAws(account=account, region=region, engine=access, delays=delays) as aws,
            resolver(network, helper, aws, delay=delays.records) as feed,
        ):
            yield aws, network, feed


class ZoneFeed:
    """Asks Cloud Map once a second, remembers the answers, and tells the resolver.

    The resolver also stands for Route 53: it hears of each change ``delay`` seconds later.
    """

    def __init__(self, aws: LocalAws, process: subprocess.Popen[str], delay: float) -> None:
        self._aws = aws
        self._process = process
        self._delay = delay
        self._told = 0
        self._looked = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._seen: list[tuple[float, Zone]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def has_told(self, since: float) -> bool:
        """Tell whether the resolver has heard what Cloud Map has answered since then."""
        return since <= self._looked and self._told == len(self._seen)

    def fewest(self, name: str, since: float) -> int:
        """Return the smallest number of addresses that a name had from then until now."""
        before = [zone for at, zone in self._seen if at <= since][-1:]
        zones = before + [zone for at, zone in self._seen if at > since]
        return min(len(zone.get(name, {}).get("addresses", [])) for zone in zones)

    def look(self, cloud_map: Any) -> None:
        """Ask Cloud Map, and tell the resolver the newest answer that is old enough."""
        looked = time.time()
        zone = read_zone(cloud_map)
        if not self._seen or zone != self._seen[-1][1]:
            self._seen.append((time.time(), zone))
        due = [zone for at, zone in self._seen if at + self._delay <= time.time()]
        if len(due) > self._told and self._process.stdin:
            self._process.stdin.write(f"{json.dumps(due[-1])}\n")
            self._process.stdin.flush()
            self._told = len(due)
        self._looked = looked

    def _feed(self) -> None:
        cloud_map = self._aws.client("servicediscovery")
        gone = (cloud_map.exceptions.ServiceNotFound, cloud_map.exceptions.NamespaceNotFound)
        while not self._over.wait(POLL_SECONDS):
            # A service may be removed between the list and the question about it.
            with suppress(*gone):
                self.look(cloud_map)


@contextmanager
def resolver(
    network: ContainerNetwork, image: str, aws: LocalAws, *, delay: float = 0.0
) -> Iterator[ZoneFeed]:
    """Answer for the names of Cloud Map in the network, at most ``delay`` and a second late."""
    engine, name = network.engine, f"{network.name}-resolver"
    engine(
        *("create", "--interactive", f"--name={name}"),
        *(*label_options(network.labels), "--user=0"),
        # It gives itself the address of ECS, and joins connections to sockets of the local AWS.
        *("--cap-add=NET_ADMIN", f"--volume={aws.sockets}:{_SOCKETS}"),
        *(f"--network={network.name}", f"--ip={network.resolver}", image),
        *program(_RESOLVER, network.resolver, ECS_ADDRESS, _SOCKETS),
    )
    copy_program(engine, name, _RESOLVER)
    process = subprocess.Popen(
        [*engine.command, "start", "--attach", "--interactive", name],
        env=engine.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C must not end it before the rehearsal has cleaned up
    )
    feed = ZoneFeed(aws, process, delay)
    try:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise EngineError(f"the resolver did not start: {engine.attempt('logs', name).stderr}")
        with feed:
            yield feed
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def read_zone(cloud_map: Any) -> Zone:
    """Return the healthy instances of each service, as a private hosted zone answers them."""
    services = cloud_map.list_services()["Services"]
    # After the services: the namespace of each was made before it.
    namespaces = {n["Id"]: n["Name"] for n in cloud_map.list_namespaces()["Namespaces"]}
    zone = {}
    for listed in services:
        service = cloud_map.get_service(Id=listed["Id"])["Service"]
        where = {
            "NamespaceName": namespaces[service["NamespaceId"]],
            "ServiceName": service["Name"],
        }
        found = cloud_map.discover_instances(**where)["Instances"]
        (record,) = service["DnsConfig"]["DnsRecords"]
        zone[f"{where['ServiceName']}.{where['NamespaceName']}"] = {
            "ttl": record["TTL"],
            "addresses": sorted(each["Attributes"]["AWS_INSTANCE_IPV4"] for each in found),
        }
    return zone


def copy_program(engine: Engine, container: str, file: Path) -> None:
    """Copy a program into a container that has Python, and dnslib, which it may import."""
    dnslib = importlib.util.find_spec("dnslib")
    if dnslib is None or dnslib.origin is None:
        raise EngineError("the package dnslib is not installed")
    with ScratchDirectory("tools") as scratch:
        folder = scratch.path / "tools"
        no_tests = shutil.ignore_patterns("__pycache__", "test*")
        shutil.copytree(Path(dnslib.origin).parent, folder / "dnslib", ignore=no_tests)
        shutil.copy(file, folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        engine("cp", f"{folder}/.", f"{container}:{_FOLDER}")


def program(file: Path, *arguments: str) -> list[str]:
    """Return the command that runs a copied program inside the container."""
    return ["python", "-u", f"{_FOLDER}/{file.name}", *arguments]


def _create(engine: Engine, name: str, labels: dict[str, str], cidrs: Sequence[str]) -> str:
    # The resolver answers names. Without the option podman would answer them as well.
    options = ["--internal", *label_options(labels)]
    for cidr in cidrs:
        # docker gives a network no route of its own: its tasks get no credentials.
        route = f"--route={ECS_ADDRESS}/32,{IPv4Network(cidr)[2]}"
        own = ["--disable-dns", route] if engine.name == "podman" else []
        made = engine.attempt("network", "create", *options, *own, f"--subnet={cidr}", name)
        if made.returncode == 0:
            return cidr
    raise EngineError(
        f"{engine.name} makes no network: tried {len(cidrs)} ranges of private addresses; "
        f"of {cidr} it said: {made.stderr.strip()}"
    )
