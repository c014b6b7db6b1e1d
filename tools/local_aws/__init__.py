"""The embedded local AWS: an emulator on loopback that a real `cdk deploy` can run against.

`LocalAws` is the whole face of the package for a rehearsal::

    with LocalAws(account="111122223333", region="eu-west-1") as aws:
        subprocess.run(["npx", "cdk", "bootstrap"], env=aws.environment(), check=True)
        aws.client("ecs").list_clusters()

The emulator is MiniStack; what the modules here add and replace runs inside its process
(`__main__`), see README.md. Only what this package exports is for other processes.
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
