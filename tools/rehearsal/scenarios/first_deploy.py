"""From an account without anything to the deployed stacks of the service."""

import subprocess
import sys

from cdk_rehearsal import ConsoleReport, expect
from tools.doctor.check import Verdict
from tools.doctor.rights import statement
from tools.doctor.task_policies import Clients, allowed_actions, egress_of_core
from tools.init.proposal import FIRST_IMAGE, TWO_STEPS
from tools.rehearsal.base_images import create_base_images
from tools.rehearsal.named_resources import NamedResources
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.rehearsed_service import RehearsedService
from tools.repository import ROOT


def create_named_resources(rehearsal: Rehearsal, cidr: str) -> None:
    """Bootstrap, create what the settings name and do not make, and write the settings files."""
    context, service, files = rehearsal.context, rehearsal.service, rehearsal.files
    with context.report.step("cdk bootstrap") as step:
        context.workspace.bootstrap()
        step.note = "from now on as a user who may only assume the roles of the bootstrap"
    resources = NamedResources(context.aws, context.workspace.folder)
    with context.report.step("Create what the settings name") as step:
        for name, settings in zip(files.names, service.deployment, strict=True):
            files.write(name, **resources.create(settings, files.texts(name), cidr))
        resources.created += create_base_images(rehearsal)
        step.note = "; ".join(resources.created) or "nothing"
    advise_on_ways_out(service, context.aws, context.report)
    warn_of_first_image(service, context.report)


def advise_on_ways_out(service: RehearsedService, aws: Clients, report: ConsoleReport) -> None:
    """Name the AWS services of the task role's policies that tasks without NAT cannot reach."""
    if service.core is None or service.core.enable_nat_gw:
        return
    found = egress_of_core(service.core, service.settings, aws)
    if found.verdict is Verdict.NOTE:
        report.advise(found.line)
    policies = service.settings.service.task_role_policy_arns
    if unknown := [arn for arn in policies if not allowed_actions(arn, aws)]:
        names = ", ".join(arn.rpartition("/")[2] for arn in unknown)
        report.leave_out(f"whether tasks reach the AWS services that {names} allows")


def warn_of_first_image(service: RehearsedService, report: ConsoleReport) -> None:
    """Say before the deploy that the placeholder of ``make init`` passes no health check."""
    settings = service.settings.service
    if settings.seed_image == FIRST_IMAGE and settings.health_check_command is not None:
        report.say(
            f"The first image, {FIRST_IMAGE}, cannot pass health_check_command: on AWS a first\n"
            f"deploy fails. Two steps: {TWO_STEPS}."
        )


def run(rehearsal: Rehearsal) -> None:
    """Ask the doctor, deploy the stacks, and find every resource through its own API."""
    context, service, files = rehearsal.context, rehearsal.service, rehearsal.files
    report, workspace, stacks = context.report, context.workspace, service.stacks
    report.section("First deploy")
    with report.step("The doctor, as a user with the rights that it prints") as step:
        step.note = _ask_the_doctor(rehearsal)
    with report.step("cdk deploy --all") as step:
        outputs = workspace.deploy(env_file=files.selection)
        expect("the stacks in output.json", sorted(outputs), sorted(stacks))
        step.note = context.endpoint or "the service has no name"
    if not context.endpoint:
        report.leave_out("a call of the service: no output is called ServiceDiscoveryEndpoint")
    with report.step("Every resource is there") as step:
        rehearsal.expect_running(*(each.service_stack_name for each in service.deployment))
        context.expect_every_resource(*stacks)
        counts = [len(workspace.template(name)["Resources"]) for name in stacks]
        step.note = f"{sum(counts)} resources of {len(counts)} stacks, found by their own APIs"
    with report.step("The first image runs") as step:
        live = context.live_image()
        expect("the image that the tasks run", context.running_image(), live)
        step.note = f"image {live[7:19]}, {len(context.tasks())} tasks"


def _ask_the_doctor(rehearsal: Rehearsal) -> str:
    """Examine the settings before the deploy; return what to note of the answer."""
    context, workspace = rehearsal.context, rehearsal.context.workspace
    user = context.aws.access.user("doctor", statement())
    env_files = ",".join(str(workspace.folder / name) for name in rehearsal.files.names)
    done = subprocess.run(
        [sys.executable, "-m", "tools.doctor", "--env-file", env_files],
        cwd=ROOT,
        env={**user.environment(), **workspace.places},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    refused = [r for r in context.aws.access.ledger()["refusals"] if r["principal"] == "doctor"]
    expect(f"what the doctor was refused\n{said}", refused, [])
    if not rehearsal.service.is_sample:
        return "refused nothing; ask it again about your own account (make doctor)"
    expect(f"the status of the doctor\n{said}", done.returncode, 0)
    return done.stdout.splitlines()[-1]
