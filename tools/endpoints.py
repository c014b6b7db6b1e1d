"""Which AWS services a task cannot call, because its network has no way to them."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from settings.endpoints import ENDPOINTS, ENDPOINTS_BY_PREFIX

_NEED_NO_ENDPOINT = (
    # The connection stays inside the VPC.
    *("dax:*", "elasticache:connect", "elasticfilesystem:client*", "kafka-cluster:*"),
    *("memorydb:connect", "neptune-db:*", "rds-db:*", "vpc-lattice-svcs:*"),
    "iam:passrole",  # is not a call, but a condition of other calls
)


def unreachable_services(
    actions: Iterable[str], endpoints: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """Return the services that cannot be called without NAT, by the prefix of their actions.

    ``actions`` are those of policies, or calls; ``endpoints`` are the short names of the endpoints
    in the VPC. A service with several endpoints counts as reachable if one of them is there. The
    values are the endpoints that ``vpc_endpoint_services`` could name, the likeliest first; a
    service without any, such as ``route53``, has an empty value. ``*`` names no service.
    """
    found: dict[str, tuple[str, ...]] = {}
    for action in map(str.lower, actions):
        prefix = action.partition(":")[0]
        suitable = ENDPOINTS_BY_PREFIX.get(prefix, [prefix])
        needs_none = any(fnmatchcase(action, pattern) for pattern in _NEED_NO_ENDPOINT)
        if not (needs_none or "*" in prefix or endpoints.intersection(suitable)):
            found[prefix] = tuple(name for name in suitable if name in ENDPOINTS)
    return dict(sorted(found.items()))
