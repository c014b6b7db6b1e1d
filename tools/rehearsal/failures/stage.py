"""What the failures share: the world, and how it looks when nothing is left half done."""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from tools.local_aws.inventory import Snapshot
from tools.rehearsal.expectation import expect
from tools.rehearsal.failures.user_view import as_typed
from tools.rehearsal.failures.watched_workspace import WatchedWorkspace
from tools.rehearsal.narration import Narrator
from tools.rehearsal.scenarios.first_deploy import TOKEN_SECRET
from tools.rehearsal.world import CORE, SERVICE, World

DEPLOY_NEW_SETTINGS = ("deploy", "--all", "--require-approval", "never")
AS_SYNTHESISED = ("--app", "cdk.out")
"""The assembly of the command before: where no setting has changed, the app need not run again."""

DEPLOY = (*DEPLOY_NEW_SETTINGS, *AS_SYNTHESISED)
DEPLOY_AS_TYPED = as_typed(("deploy", "--all", *AS_SYNTHESISED))
DESTROY_SERVICE = ("destroy", SERVICE, *AS_SYNTHESISED)
FAILED_STACK = {"AWS::CloudFormation::Stack": [SERVICE]}
"""All that the rollback of a first deploy leaves: the record of the stack, with its events."""

_SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - the name of a type


@dataclass(frozen=True)
class Stage:
    """A deployed core stack, and no service yet.

    ``empty`` is what there was before anything was deployed, ``core_alone`` what there is with the
    core stack and nothing else.
    """

    world: World
    workspace: WatchedWorkspace
    empty: Snapshot
    core_alone: Snapshot

    @property
    def narrator(self) -> Narrator:
        """Who tells the story."""
        return self.world.narrator

    def status(self, stack: str = SERVICE) -> str | None:
        """Return the status of a stack, or None if there is no such stack."""
        try:
            return self.world.status(stack)
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def expect_core_alone(self, besides: dict[str, list[str]] | None = None) -> None:
        """Insist that the core is whole, and that there is only the token ``besides`` it."""
        self.expect_whole(CORE)
        now = self.world.inventory.added_since(self.core_alone)
        secrets = now.pop(_SECRET, [])
        if others := [arn for arn in secrets if f":secret:{TOKEN_SECRET}-" not in arn]:
            now[_SECRET] = others
        expect("what there is besides the core", now, besides or {})

    def expect_whole(self, *stacks: str) -> None:
        """Insist that every resource of the stacks is there, and that the tasks run."""
        expect("resources that no API knows", self.world.inventory.missing(stacks), [])
        if SERVICE in stacks:
            service = self.world.service()
            expect("running tasks", service["runningCount"], service["desiredCount"])
