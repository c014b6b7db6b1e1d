"""Policies for others than CloudFormation: the roles that an app makes, and who runs the CLI."""

from collections.abc import Iterable, Mapping
from typing import Any

from cdk_rehearsal.deploy_policy.least import Document, belongs


def boundary(content: Mapping[str, Any], *, stacks: Iterable[str] = ()) -> Document:
    """Return the policy that no role of the app may exceed: all actions that its roles have.

    ``content`` is what ``Access.demands`` returned. A boundary grants nothing: the policies of each
    role name the resources. With it, whoever deploys cannot make a role that may do more.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    wanted = list(stacks)
    actions = {
        action
        for stack, granted in content["grants"].items()
        if belongs(stack, wanted)
        for action in granted
    }
    statement = {
        "Sid": "WhatTheRolesOfTheAppMayDo",
        "Effect": "Allow" if actions else "Deny",
        "Action": sorted(actions) or "*",
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy_of_cli(account: str) -> Document:
    """Return the policy of a user who deploys, destroys and publishes assets with the CDK CLI.

    It lets the user assume the roles of the bootstrap. The bootstrap itself makes roles, a bucket
    and a repository: an administrator runs it.
    https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
    """
    statement = {
        "Sid": "AssumeTheRolesOfTheBootstrap",
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Resource": f"arn:aws:iam::{account}:role/cdk-*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
