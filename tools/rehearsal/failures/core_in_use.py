"""The core stack is destroyed while a service lives on it."""

from tools.rehearsal.expectation import expect, expect_true
from tools.rehearsal.failures.stage import AS_SYNTHESISED, Stage
from tools.rehearsal.failures.user_view import as_typed, tell
from tools.rehearsal.world import CORE, SERVICE

# Without --exclusively the CLI destroys the service stacks first, for they depend on the core.
DESTROY = ("destroy", CORE, "--exclusively", *AS_SYNTHESISED)


def play(stage: Stage) -> None:
    """Try to destroy the core alone."""
    stage.narrator.chapter("The core is destroyed while a service lives")
    with stage.narrator.step("Refused; core and service are unharmed") as step:
        before = stage.status(CORE)
        said = stage.workspace.failing_cdk(*DESTROY, "--force")
        expect("status of the core stack", stage.status(CORE), before)
        stage.expect_whole(CORE, SERVICE)
        reason = _newest_reason(stage)
        expect_true("CloudFormation says why", holds=f"in use by {SERVICE}" in reason)
        step.note = "CloudFormation's events say why"
    tell(stage.narrator, as_typed(DESTROY), said)
    tell(stage.narrator, f"aws cloudformation describe-stack-events --stack-name {CORE}", reason)


def _newest_reason(stage: Stage) -> str:
    client = stage.world.aws.client("cloudformation")
    events = client.describe_stack_events(StackName=CORE)["StackEvents"]
    newest = max(events, key=lambda event: event["Timestamp"])
    return str(newest.get("ResourceStatusReason", ""))
