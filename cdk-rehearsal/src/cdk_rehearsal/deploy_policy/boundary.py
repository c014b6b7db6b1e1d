"""The permissions boundary for the roles that an app makes."""

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
