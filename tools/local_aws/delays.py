"""How long AWS takes for what it does not do at once, as its documentation has it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Delays:
    """In seconds; by default as AWS documents them.

    ``custom_health``: Cloud Map acts on a custom health status about so long after it was told; the
    same status told again changes nothing, another one takes the place of the first.
    https://docs.aws.amazon.com/cloud-map/latest/api/API_HealthCheckCustomConfig.html

    ``records``: the most that Route 53 generally takes until all its name servers know a change.
    The local AWS has no name servers: who answers for names in its place waits so long.
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
    """

    custom_health: float = 30.0
    records: float = 60.0


NO_DELAYS = Delays(custom_health=0.0, records=0.0)
"""For tests and demonstrations that have no minutes to wait. They say that they do not wait."""
