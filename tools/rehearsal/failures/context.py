"""The context of the failures, with checks that nothing is left half done."""

from dataclasses import dataclass

from cdk_rehearsal import Snapshot, expect
from cdk_rehearsal.cdk import AS_SYNTHESISED
from tools.rehearsal.context import SERVICE, RehearsalContext

DEPLOY = ("deploy", "--all", "--require-approval", "never", *AS_SYNTHESISED)
SETTINGS = {"notification_email": "team@example.com"}
"""What the service has beyond sample.env: mails about failed deliveries."""
TOKEN_SECRET = "ecs-github-token"  # noqa: S105 - the name of a secret, not a secret


@dataclass(frozen=True, kw_only=True)
class FailureContext(RehearsalContext):
    """A deployed core stack.

    ``empty`` are the resources before any deploy, ``core_alone`` those with the core stack and the
    secret of the token only.
    """

    empty: Snapshot
    core_alone: Snapshot

    def expect_whole(self, *stacks: str) -> None:
        """Require that every resource of the stacks exists, and that the tasks run."""
        self.expect_every_resource(*stacks)
        if SERVICE in stacks:
            service = self.service()
            expect("running tasks", service["runningCount"], service["desiredCount"])
