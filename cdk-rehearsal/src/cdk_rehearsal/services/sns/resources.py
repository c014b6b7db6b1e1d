"""SNS: topic policies whose id names their topic.

MiniStack generates a random id, by which the inventory could not find the policy.
"""

import json

from cdk_rehearsal.ministack.resource_types import (
    Created,
    PatchedType,
    Properties,
    PutType,
    own_client,
    resource_type,
)


@resource_type(
    "AWS::SNS::TopicPolicy",
    replaced_by=("Topics",),
    upstream="Bug: Ref is a random id, which does not name the topic of the policy.",
)
class TopicPolicy(PutType, PatchedType):
    """The policy of one or more topics."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        client = own_client("sns")
        for topic in properties["Topics"]:
            client.set_topic_attributes(
                TopicArn=topic,
                AttributeName="Policy",
                AttributeValue=json.dumps(properties["PolicyDocument"]),
            )
        policy = f"{properties['Topics'][0]}-policy"
        return policy, {"Id": policy}
