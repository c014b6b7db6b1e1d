"""The workspace in which the real CDK CLI runs an app against the local AWS."""

from cdk_rehearsal.cdk.workspace import AS_SYNTHESISED, ASSEMBLY, Cli, Workspace

__all__ = ["ASSEMBLY", "AS_SYNTHESISED", "Cli", "Workspace"]
