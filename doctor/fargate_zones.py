"""The availability zones that Fargate does not serve.

No API tells. Read on 2026-11-24 in AWS's list of regions, which names the zones where only some are
served: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html
Zones are named by id, which means the same place in every account; names do not.
"""

_ONLY = {
    "us-west-1": frozenset({"usw1-az1", "usw1-az3"}),
    "ap-northeast-1": frozenset({"apne1-az1", "apne1-az2", "apne1-az4"}),
    "cn-north-1": frozenset({"cnn1-az1", "cnn1-az2"}),
}
# The list does not mention it. AWS documents it for ARM64 alone, users report it for both:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm64.html
_NOT = frozenset({"use1-az3"})


def has_fargate(region: str, zone_id: str) -> bool:
    """Say whether Fargate serves a zone, as far as is known."""
    return zone_id not in _NOT and zone_id in _ONLY.get(region, {zone_id})
