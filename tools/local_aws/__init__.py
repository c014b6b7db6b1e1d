"""The local AWS: an emulator on 127.0.0.1 against which a real `cdk deploy` runs.

A rehearsal uses `LocalAws`::

    with LocalAws(account="111122223333", region="eu-west-1") as aws:
        subprocess.run(["npx", "cdk", "bootstrap"], env=aws.environment(), check=True)
        aws.client("ecs").list_clusters()

The emulator is MiniStack in a process of its own (`__main__`); most modules of this package run
inside that process (see README.md). Other processes use the names that this package exports.
"""

from tools.local_aws.access import Access
from tools.local_aws.inventory import Inventory
from tools.local_aws.options import NO_DELAYS, Delays, EngineAccess
from tools.local_aws.server import LocalAws, LocalAwsError

__all__ = [
    "NO_DELAYS",
    "Access",
    "Delays",
    "EngineAccess",
    "Inventory",
    "LocalAws",
    "LocalAwsError",
]
