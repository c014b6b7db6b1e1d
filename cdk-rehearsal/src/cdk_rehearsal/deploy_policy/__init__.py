"""The least policy of a deploy, from what a rehearsal demanded of CloudFormation's role."""

from cdk_rehearsal.deploy_policy.least import DeployPolicy, Document, least_policy
from cdk_rehearsal.deploy_policy.other_policies import boundary, policy_of_cli
from cdk_rehearsal.deploy_policy.proof import ManagedPolicies, sample_of, take_away
from cdk_rehearsal.deploy_policy.written import (
    read_documents,
    table_of_changes,
    write,
    write_changes,
)

__all__ = [
    "DeployPolicy",
    "Document",
    "ManagedPolicies",
    "boundary",
    "least_policy",
    "policy_of_cli",
    "read_documents",
    "sample_of",
    "table_of_changes",
    "take_away",
    "write",
    "write_changes",
]
