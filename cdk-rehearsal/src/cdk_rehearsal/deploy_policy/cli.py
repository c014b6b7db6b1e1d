"""What a user needs who runs the CDK CLI after the bootstrap: to assume the roles of that."""

from typing import Any


def policy_of_cli(account: str) -> dict[str, Any]:
    """Return the policy of a user who deploys, destroys and publishes assets with the CDK CLI.

    The bootstrap itself makes roles, a bucket and a repository: an administrator runs it.
    https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
    """
    statement = {
        "Sid": "AssumeTheRolesOfTheBootstrap",
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Resource": f"arn:aws:iam::{account}:role/cdk-*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
