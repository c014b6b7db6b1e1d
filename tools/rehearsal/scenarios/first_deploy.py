"""From nothing to two deployed stacks."""

import json

from backend_service.names import ServiceOutput
from core_infra.names import CoreOutput
from settings.examples import ACCOUNT, REGION
from tools.rehearsal.expectation import expect, expect_all, expect_true
from tools.rehearsal.world import CORE, SERVICE, World

TOKEN_SECRET = "ecs-github-token"  # noqa: S105 - the name of a secret, not a secret
TOKEN = "ghp_rehearsal"  # noqa: S105 - a stand-in; GitHub is not asked


def prepare(world: World) -> None:
    """Bootstrap and store the token: what has to be in an account before the first deploy."""
    narrator, workspace = world.narrator, world.workspace
    with narrator.step("cdk bootstrap") as step:
        workspace.write_env()
        workspace.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        step.note = "CDKToolkit"
    with narrator.step("Store the GitHub token") as step:
        secrets = world.aws.client("secretsmanager")
        secrets.create_secret(Name=TOKEN_SECRET, SecretString=TOKEN)
        step.note = TOKEN_SECRET


def play(world: World) -> None:
    """List, deploy, and find every resource again."""
    narrator, workspace = world.narrator, world.workspace
    narrator.chapter("First deploy")
    with narrator.step("cdk ls") as step:
        stacks = workspace.cdk("ls").split()
        expect("the stacks that cdk ls prints", stacks, [CORE, SERVICE])
        step.note = ", ".join(stacks)
    with narrator.step("cdk deploy --all") as step:
        outputs = workspace.deploy()
        expect_all("the stacks in output.json", outputs, [CORE, SERVICE])
        expect_all("the outputs of the core stack", _named(outputs[CORE]), list(CoreOutput))
        expect_all("the outputs of the service stack", outputs[SERVICE], list(ServiceOutput))
        step.note = f"{len(outputs[SERVICE]) + len(_named(outputs[CORE]))} outputs in output.json"
    with narrator.step("Every resource is there") as step:
        expect("resources that no API knows", world.inventory.missing([CORE, SERVICE]), [])
        counts = {name: len(workspace.template(name)["Resources"]) for name in (CORE, SERVICE)}
        step.note = f"{sum(counts.values())} resources found through their own APIs"
    with narrator.step("The token is in no output and no template"):
        for name in (CORE, SERVICE):
            text = json.dumps(workspace.template(name)) + json.dumps(outputs)
            expect_true(f"{name} does not hold the token", holds=TOKEN not in text)


def _named(outputs: dict[str, str]) -> set[str]:
    """Leave out what CDK exports for references between the stacks."""
    return {name for name in outputs if not name.startswith("ExportsOutput")}
