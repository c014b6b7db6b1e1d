"""SNS: topic policies under an id that tells whose policy it is.

MiniStack makes up an id that leads nowhere, so the policy could not be found again.
"""

import json

from tools.local_aws.resource_types import (
    Created,
    PatchedType,
    Properties,
    own_client,
    replaces_type,
)


@replaces_type(
    "AWS::SNS::TopicPolicy",
    replaced_by=("Topics",),
    upstream="Bug: Ref is made up anew, so it does not lead to the policy of a topic.",
)
class TopicPolicy(PatchedType):
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

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        return self.create(logical_id, new, stack)
