"""The tasks of a service are counted and started by one thread at a time.

MiniStack looks at a service again a second after a deployment was rolled back. Should the service
be updated, or made anew under its name, in that moment, then both count the tasks before either
starts one, and the service has twice as many as it wants.

With a container engine it stays so: MiniStack must hold no lock while an engine starts or stops
something, and there the tasks of a service are counted again with each that has changed.
"""

import threading
from collections.abc import Callable

from ministack.services import ecs

_reconcile: Callable[[str, str], None] = ecs._reconcile_service_tasks
_one_at_a_time = threading.RLock()


def reconcile(cluster: str, service: str) -> None:
    if ecs._get_docker():
        _reconcile(cluster, service)
        return
    with _one_at_a_time:
        _reconcile(cluster, service)


def install() -> None:
    ecs._reconcile_service_tasks = reconcile
