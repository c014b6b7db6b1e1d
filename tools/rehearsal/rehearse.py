"""The one rehearsal: the whole life of a service on a local AWS, from bootstrap to destroy.

Without settings and without a source it is the life of the sample. With a container engine the
tasks are containers of the service's image; without one they are records, and the end of the report
says what is therefore not shown.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk_rehearsal import (
    NO_DELAYS,
    ConsoleReport,
    Delays,
    LocalAws,
    LocalAwsError,
    RehearsalError,
    ScratchDirectory,
    expect,
)
from cdk_rehearsal.containers import (
    CANDIDATES,
    Engine,
    EngineError,
    NoEngineError,
    TaskContainers,
    aws_with_containers,
)
from cdk_rehearsal.deploy_policy.least import Document
from settings import CpuArchitecture
from tools.rehearsal.context import RehearsalContext, read_deliverable
from tools.rehearsal.ended_tasks import explained
from tools.rehearsal.first_build import build_once
from tools.rehearsal.permissions import Grants, page
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.rehearsed_service import RehearsedService, SettingsFiles
from tools.rehearsal.sample_image import NO_IMAGE, SEED, docker_for, engine_for
from tools.rehearsal.scenarios import (
    deliveries,
    destroy,
    first_deploy,
    later_deploys,
    shared_core,
)
from tools.rehearsal.task_role import told, unknown_policies
from tools.rehearsal.workspace import Workspace

Scenario = Callable[[Rehearsal], None]

SCENARIOS: tuple[Scenario, ...] = (
    first_deploy.run,
    deliveries.first,
    later_deploys.change_settings,
    deliveries.roll_back,
    deliveries.again,
    later_deploys.fail_update,
)
"""Each begins where the one before it has ended."""
ONLY_SAMPLE = frozenset({deliveries.roll_back, later_deploys.fail_update})
"""These say nothing about another service."""
ON_CORE = (shared_core.add_service, shared_core.shrink_core, shared_core.destroy_one)
"""These change the core of the sample, which another service may not have or not survive. Nothing
is delivered after them."""
NEED_ENGINE = (
    "that your Dockerfile builds, and that its image starts, listens and passes its health check",
    "your service under its name",
    "a bad version that is rolled back, and what your service does at SIGTERM",
)
FAILURES = (
    *(RehearsalError, LocalAwsError, EngineError, NoEngineError),
    *(BotoCoreError, ClientError),
)
"""The errors that say by themselves what is wrong."""


def rehearse(
    report: ConsoleReport,
    service: RehearsedService,
    *,
    with_engine: bool = True,
    permissions_file: Path | None = None,
    documents: Sequence[Document] = (),
) -> dict[str, Any]:
    """Run every scenario in a new local AWS; raise the first error. Nothing of it is left.

    CloudFormation gets ``documents`` as its policies, or else AdministratorAccess. Returns what it
    has demanded of its role (``Access.demands``).
    """
    report.say("A rehearsal on a local AWS on 127.0.0.1: no AWS account, none of your credentials.")
    with ExitStack() as stack:
        report.section("Start")
        with report.step("Read the settings") as step:
            origin = "the sample" if service.is_sample else service.settings.env_file
            step.note = f"{origin}: {service.in_short}"
        engine = find_engine(report, service) if with_engine else None
        if not with_engine:
            _leave_out_containers(report, "--without-engine")
        rehearsal = stack.enter_context(start(report, service, engine, documents=documents))
        context = rehearsal.context
        before = context.inventory.snapshot()
        for scenario in SCENARIOS:
            if service.is_sample or scenario not in ONLY_SAMPLE:
                with nullcontext() if service.is_sample else explained(context):
                    scenario(rehearsal)
                _check_own_calls(rehearsal)
        grants, role = Grants(context, *service.stacks), context.task_role()
        if service.is_sample:
            for scenario in ON_CORE:
                scenario(rehearsal)
        left = destroy.run(rehearsal, before)
        _check_permissions(rehearsal, grants, role)
        if permissions_file:
            permissions_file.write_text(page(grants.ledger()), encoding="utf-8")
        demands = context.aws.access.demands()
    report.end(f"{report.steps} steps in {report.seconds:.0f} s; `cdk destroy` left {left} behind.")
    return demands


def find_engine(report: ConsoleReport, service: RehearsedService) -> Engine | None:
    """Return an engine with the helper image; without one return None and report why."""
    with report.step("Look for a container engine") as step:
        try:
            engine = engine_for(service.repository)
        except (NoEngineError, EngineError) as reason:
            step.note = f"NONE: {reason}"
            _leave_out_containers(report, str(reason))
            return None
        step.note = f"{engine.name}; tasks are containers"
    return engine


@contextmanager
def start(
    report: ConsoleReport,
    service: RehearsedService,
    engine: Engine | None,
    delays: Delays = NO_DELAYS,
    documents: Sequence[Document] = (),
    **changes: str,
) -> Iterator[Rehearsal]:
    """Start a local AWS that has all that the settings name, ready for the first deploy.

    ``documents`` are the policies of CloudFormation's role, ``changes`` other texts for keys of the
    settings.
    """
    with ExitStack() as stack:
        docker_folder = stack.enter_context(ScratchDirectory("docker")).path
        # Entered first: at its end it removes the images, which no task may use any more.
        docker = stack.enter_context(docker_for(docker_folder, engine, service.repository))
        with report.step("Start the local AWS") as step:
            aws, tasks = stack.enter_context(local_aws(service, engine, delays))
            step.note = f"MiniStack {version('ministack')} on {aws.endpoint_url}"
        workspace = stack.enter_context(Workspace(aws, documents))
        context = RehearsalContext(
            aws=aws,
            workspace=workspace,
            report=report,
            delivered_from=service.repository,
            working_tree=service.working_tree,
            stack=service.settings.service_stack_name,
        )
        read_deliverable(context)
        service.require_paths(context.source)
        if engine and not service.is_sample:
            build_once(report, docker, service.settings, context.source)
        rehearsal = Rehearsal(
            context=context,
            service=service,
            files=SettingsFiles(workspace, service),
            docker=docker,
            containers=tasks,
        )
        cidr = tasks.network.cidr if tasks else service.vpc_cidr
        first_deploy.create_named_resources(rehearsal, cidr)
        rehearsal.files.write(**(_changes_for_containers(rehearsal) | changes))
        yield rehearsal


@contextmanager
def local_aws(
    service: RehearsedService, engine: Engine | None, delays: Delays
) -> Iterator[tuple[LocalAws, TaskContainers | None]]:
    """Provide a local AWS of the account and region of the service, with containers of its tasks.

    Without an engine tasks are records. ``NoEngineError`` or ``EngineError`` says why containers
    cannot be had.
    """
    account, region = service.settings.account_number, service.settings.aws_region
    if engine is None:
        with LocalAws(account=account, region=region) as aws:
            yield aws, None
        return
    # Rehearsals of the sample may run side by side, so it takes any range of addresses.
    own_range = [] if service.is_sample else [*filter(None, [service.vpc_cidr])]
    with aws_with_containers(
        engine,
        account=account,
        region=region,
        helper=SEED,
        cidrs=[*own_range, *CANDIDATES],
        delays=delays,
        instead=SEED,
    ) as (aws, network, feed):
        tasks = TaskContainers(
            engine=engine, network=network, feed=feed, delays=delays, helper=SEED
        )
        yield aws, tasks


def _changes_for_containers(rehearsal: Rehearsal) -> dict[str, str]:
    """Return what the settings of the service must say otherwise where tasks are containers."""
    tasks, service, report = rehearsal.containers, rehearsal.service, rehearsal.context.report
    if tasks is None:
        return {}
    changes = {}
    if service.settings.core and service.vpc_cidr != tasks.network.cidr:
        changes["vpc_cidr"] = tasks.network.cidr
    if service.is_sample:
        # Nothing is downloaded, and no step waits for long until tasks have drained.
        changes |= {"seed_image": NO_IMAGE, "desired_count": "2"}
        if not tasks.delays.records:
            changes |= {"dns_ttl_seconds": "1", "stop_timeout_seconds": "21"}
        report.leave_out("seed_image itself: the sample service stands for it")
    else:
        report.leave_out(
            "what your service reaches: its network has no way out, and its secrets are made up"
        )
        if not tasks.engine.has_image(service.settings.service.seed_image):
            report.leave_out("seed_image itself, unless the engine has pulled it before")
        if "vpc_cidr" in changes:
            report.leave_out(f"vpc_cidr {service.vpc_cidr}, which is taken on this machine")
    if service.settings.service.cpu_architecture is CpuArchitecture.ARM64:
        report.leave_out("ARM64: images are built for the processor of this machine")
    return changes


def _leave_out_containers(report: ConsoleReport, reason: str) -> None:
    report.leave_out(f"tasks as containers: {reason}")
    for what in NEED_ENGINE:
        report.leave_out(what)


def _check_own_calls(rehearsal: Rehearsal) -> None:
    """Raise ``RehearsalError`` if the service was refused a call that its policies should allow."""
    settings, report = rehearsal.service.settings, rehearsal.context.report
    lines = told(rehearsal.context.refused_calls())
    if lines and not unknown_policies(settings):
        raise RehearsalError("\n".join(["Your service may not do what it does.", *lines]))
    for line in lines:
        report.leave_out(line)


def _check_permissions(rehearsal: Rehearsal, grants: Grants, task_role: str) -> None:
    """Report what was judged; the sample may have no grant that is unused without a reason."""
    report, ledger = rehearsal.context.report, grants.ledger()
    report.section("Permissions")
    with report.step("Every call was judged, none was refused") as step:
        # A function or a build may have gone on after a refusal, so this is looked up.
        expect("refused calls", [r for r in ledger.refusals if r["principal"] != task_role], [])
        step.note = f"{ledger.calls} calls by {len(ledger.roles)} roles and the user who deploys"
    with report.step("What the roles are granted") as step:
        if rehearsal.service.is_sample:
            expect("unused grants without a reason", ledger.unexplained, [])
            expect("grants that others make superfluous", ledger.superfluous, [])
        step.note = f"{len(ledger.uses)} grants, {len(ledger.unused)} of them not used"
