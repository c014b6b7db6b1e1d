"""SNS: topic policies whose id names their topic.

MiniStack generates a random id, by which the inventory could not find the policy.
"""

from cdk_rehearsal.ministack.resource_types import Created, PatchedType, Properties, resource_type


@resource_type("AWS::SNS::TopicPolicy", replaced_by=("Topics",))
class TopicPolicy(PatchedType):
    """The policy of one or more topics."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        super().create(logical_id, properties, stack)
        policy = f"{properties['Topics'][0]}-policy"
        return policy, {"Id": policy}
