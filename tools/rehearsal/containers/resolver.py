"""The VPC's resolver as a container, told by a thread of ours what Cloud Map knows."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tools.container_engine import EngineError
from tools.local_aws import LocalAws
from tools.rehearsal.containers.container_network import ContainerNetwork
from tools.rehearsal.containers.tools import bring_tools, tool

Zone = dict[str, dict[str, Any]]
"""By name the ``ttl`` and the ``addresses`` of its A records."""

_POLL_SECONDS = 0.25
_FAREWELL_SECONDS = 5


class ZoneFeed:
    """Asks Cloud Map four times a second, tells the resolver, and remembers what it told."""

    def __init__(self, aws: LocalAws, process: subprocess.Popen[str]) -> None:
        self._aws = aws
        self._process = process
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self.told: list[tuple[float, Zone]] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until it has ended."""
        self._over.set()
        self._thread.join()

    def fewest(self, name: str, since: float) -> int:
        """Return how many addresses a name had when it had the fewest, from then until now."""
        before = [zone for at, zone in self.told if at <= since][-1:]
        zones = before + [zone for at, zone in self.told if at > since]
        return min(len(zone.get(name, {}).get("addresses", [])) for zone in zones)

    def _feed(self) -> None:
        cloud_map = self._aws.client("servicediscovery")
        while not self._over.wait(_POLL_SECONDS):
            zone = read_zone(cloud_map)
            if (not self.told or zone != self.told[-1][1]) and self._process.stdin:
                self._process.stdin.write(f"{json.dumps(zone)}\n")
                self._process.stdin.flush()
                self.told.append((time.time(), zone))


@contextmanager
def resolver(network: ContainerNetwork, image: str, aws: LocalAws) -> Iterator[ZoneFeed]:
    """Answer for the names of Cloud Map in the network, a quarter of a second late at most."""
    engine, name = network.engine, f"{network.name}-resolver"
    labels = [f"--label={key}={value}" for key, value in network.labels.items()]
    engine(
        *("create", "--interactive", f"--name={name}", *labels, "--user=0"),
        *(f"--network={network.name}", f"--ip={network.resolver}", image),
        *tool("vpc_resolver", network.resolver),
    )
    bring_tools(engine, name)
    process = subprocess.Popen(
        [*engine.command, "start", "--attach", "--interactive", name],
        env=engine.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    feed = ZoneFeed(aws, process)
    try:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise EngineError(f"the resolver did not start: {engine.attempt('logs', name).stderr}")
        feed.start()
        try:
            yield feed
        finally:
            feed.stop()
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(timeout=_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read_zone(cloud_map: Any) -> Zone:
    """Return what a private hosted zone answers: the healthy instances of each service."""
    namespaces = {n["Id"]: n["Name"] for n in cloud_map.list_namespaces()["Namespaces"]}
    zone = {}
    for listed in cloud_map.list_services()["Services"]:
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
