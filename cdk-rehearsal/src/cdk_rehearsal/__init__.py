"""Rehearses the deploy of a CDK app against an AWS on 127.0.0.1, with every permission judged.

::

    with LocalAws(account="111122223333", region="eu-west-1") as aws:
        subprocess.run(["npx", "cdk", "bootstrap"], env=aws.environment(), check=True)
        aws.client("ecs").list_clusters()

The public names are those of this module and of `cdk` (the CDK CLI), `containers` (tasks as
containers), `pipelines` (deliveries), `bounds` and `terminal`. Other modules are private: most run
inside the process of the local AWS.
"""

from cdk_rehearsal.access import Access
from cdk_rehearsal.environment import process_environment
from cdk_rehearsal.expectation import (
    RehearsalError,
    UnmetExpectationError,
    expect,
    expect_all,
    expect_true,
    wait_until,
)
from cdk_rehearsal.inventory import Inventory, Snapshot
from cdk_rehearsal.options import NO_DELAYS, Delays
from cdk_rehearsal.report import ConsoleReport, relevant_lines
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.server.local_aws import LocalAws, LocalAwsError
from cdk_rehearsal.services.ecr.image_push import push_from_engine, push_image

__all__ = [
    "NO_DELAYS", "Access", "ConsoleReport", "Delays", "Inventory", "LocalAws", "LocalAwsError",
    "RehearsalError", "ScratchDirectory", "Snapshot", "UnmetExpectationError", "expect",
    "expect_all", "expect_true", "process_environment", "push_from_engine", "push_image",
    "relevant_lines", "wait_until",
]  # fmt: skip
