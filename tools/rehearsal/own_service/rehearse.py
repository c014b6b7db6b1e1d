"""From the user's settings and HEAD to a service that was called, updated and destroyed."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from settings import CpuArchitecture, Settings
from settings.env_file import read_env_file
from settings.examples import sample_env
from tools.container_engine import Engine, EngineError, NoEngineError
from tools.local_aws import NO_DELAYS, LocalAws
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.console_report import ConsoleReport
from tools.rehearsal.containers.context import ContainerContext
from tools.rehearsal.containers.network import CANDIDATES, aws_with_containers
from tools.rehearsal.containers.tasks_as_containers import APPLICATION, SEED, build_seed
from tools.rehearsal.context import RehearsalContext, read_deliverable
from tools.rehearsal.expectation import RehearsalError, expect
from tools.rehearsal.own_service import delivery, image
from tools.rehearsal.own_service.made_up import MadeUp
from tools.rehearsal.pipeline.docker_command import (
    DockerCommand,
    docker_by_engine,
    docker_command,
    docker_stand_in,
    usable_engine,
)
from tools.rehearsal.pipeline.source_tree import Source
from tools.rehearsal.scenarios.destroy import deregister_revisions
from tools.rehearsal.workspace import Workspace
from tools.repository import ROOT

_PULL_SECONDS = 300
_ANY_RANGE = "10.0.0.0/16"
_LONGEST_REASON = 120


@dataclass(frozen=True, kw_only=True)
class OwnService:
    """What is rehearsed: the settings of one app, the service among them, and its repository."""

    deployment: Sequence[Settings]
    settings: Settings
    repository: Path
    working_tree: bool = False

    @property
    def stacks(self) -> list[str]:
        """The stacks of the app."""
        cores = [each.core_stack_name for each in self.deployment if each.core]
        return [*cores, *(each.service_stack_name for each in self.deployment)]

    @property
    def vpc_cidr(self) -> str:
        """The addresses of the VPC that the service is in; empty if only AWS knows them."""
        cluster = self.settings.service.ecs_cluster_name
        for each in self.deployment:
            if each.core and each.core.ecs_cluster_name == cluster:
                return each.core.vpc_cidr
        platform = self.settings.existing_platform
        return platform.vpc.vpc_cidr if platform and platform.vpc else ""


def rehearse(report: ConsoleReport, own: OwnService) -> None:
    """Play all of it, on a container engine if there is one; stop at what is not right."""
    settings = own.settings
    report.say(
        "Rehearsing your service on a local AWS on 127.0.0.1: no AWS account, none of your"
        " credentials."
    )
    with ExitStack() as stack:
        report.section("Start")
        with report.step("Read the settings") as step:
            step.note = _in_short(settings)
        engine = _engine(report)
        docker_folder = stack.enter_context(ScratchDirectory("docker")).path
        # Outermost: at its end it removes the images, which no task may use any more.
        docker = stack.enter_context(_docker(docker_folder, engine, own))
        context = stack.enter_context(_context(report, own, engine))
        read_deliverable(context)
        _expect_paths(context.source, settings)
        env_files = _prepare(context, own)
        before = context.inventory.snapshot()
        _deploy(context, own, env_files)
        if isinstance(context, ContainerContext):
            image.run(context, settings, docker)
        else:
            delivery.without_engine(context, docker)
        _destroy(context, own, env_files)
        with report.step("Nothing is left") as step:
            expect("left behind", context.inventory.added_since(before), {})
            step.note = f"{len(before)} kinds of resources are as before the first deploy"
        with report.step("Every call was judged") as step:
            ledger = context.aws.access.ledger()
            expect("refused calls", ledger["refusals"], [])
            step.note = f"{ledger['calls']} calls, none refused"
    report.end(
        f"{report.steps} steps in {report.seconds:.0f} s; `cdk destroy` left nothing behind."
    )


def _in_short(settings: Settings) -> str:
    service = settings.service
    check = " ".join((service.health_check_command or ("", "no health check"))[1:])
    return (
        f"{settings.env_file}: {service.service_name} on port {service.container_port}, {check};"
        f" account {settings.account_number}, {settings.aws_region}"
    )


def _engine(report: ConsoleReport) -> Engine | None:
    """Return an engine that has what helps in the network of the tasks; None without one."""
    with report.step("A container engine") as step:
        try:
            engine = usable_engine()
            build_seed(engine)
        except (NoEngineError, EngineError) as reason:
            step.note = f"NONE: {reason}"
            report.leave_out(f"your image: {reason}")
            for what in delivery.NOT_SHOWN:
                report.leave_out(what)
            return None
        step.note = f"{engine.name}; your Dockerfile is built as it is"
    return engine


@contextmanager
def _docker(folder: Path, engine: Engine | None, own: OwnService) -> Iterator[DockerCommand]:
    if engine is None:
        yield docker_stand_in(folder)
    elif own.repository == ROOT:
        # The sample's base image has a stand-in where no registry can be reached.
        with docker_command(folder, APPLICATION / "Dockerfile") as docker:
            yield docker
    else:
        with docker_by_engine(folder, engine) as docker:
            yield docker


@contextmanager
def _context(
    report: ConsoleReport, own: OwnService, engine: Engine | None
) -> Iterator[RehearsalContext]:
    """Have the local AWS of the settings, with tasks as containers if there is an engine."""
    settings = own.settings
    target: dict[str, Any] = {"account": settings.account_number, "region": settings.aws_region}
    common: dict[str, Any] = {
        "report": report,
        "delivered_from": own.repository,
        "working_tree": own.working_tree,
        "stack": settings.service_stack_name,
    }
    with ExitStack() as stack:
        if engine:
            _first_image(report, engine, settings.service.seed_image)
        with report.step("Start the local AWS") as step:
            if engine is None:
                aws = stack.enter_context(LocalAws(**target))
            else:
                aws, network, feed = stack.enter_context(
                    aws_with_containers(
                        engine,
                        **target,
                        helper=SEED,
                        cidrs=[*filter(None, [own.vpc_cidr]), *CANDIDATES],
                        delays=NO_DELAYS,
                        instead=SEED,
                    )
                )
            step.note = f"MiniStack {version('ministack')} on {aws.endpoint_url}"
        workspace = stack.enter_context(Workspace(aws))
        if engine is None:
            yield RehearsalContext(aws=aws, workspace=workspace, **common)
        else:
            report.leave_out(
                "what your service reaches: its network has no way out, and its secrets are made up"
            )
            yield ContainerContext(
                aws=aws,
                workspace=workspace,
                engine=engine,
                network=network,
                feed=feed,
                delays=NO_DELAYS,
                **common,
            )


def _first_image(report: ConsoleReport, engine: Engine, seed: str) -> None:
    """Have the engine pull the first image if it can; otherwise the sample stands for it."""
    with report.step("The first image, seed_image") as step:
        step.note = seed
        if not engine.has_image(seed) and (reason := _reason_not_to_pull(engine, seed)):
            step.note = f"{seed} cannot be pulled; the sample service stands for it"
            report.leave_out(
                f"seed_image itself, and whether it passes the health check:"
                f" {reason[:_LONGEST_REASON]}"
            )


def _reason_not_to_pull(engine: Engine, image: str) -> str:
    """Pull an image, or say why that cannot be done."""
    once = ("--retry=0",) if engine.name == "podman" else ()
    try:
        pulled = engine.attempt("pull", *once, image, timeout=_PULL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it takes longer than {_PULL_SECONDS} s"
    if pulled.returncode == 0:
        return ""
    return (pulled.stderr.strip().splitlines() or ["no reason given"])[-1]


def _expect_paths(source: Source, settings: Settings) -> None:
    """Insist that the commit has what the settings name."""
    delivery = settings.delivery
    wanted = {
        "dockerfile_path" if delivery.dockerfile_path else "folder_path": delivery.dockerfile,
        "buildspec_path": delivery.buildspec_path,
    }
    missing = [
        f"  {key}: there is no {path} in it"
        for key, path in wanted.items()
        if path and path not in source.files and path not in source.links
    ]
    if missing:
        raise RehearsalError(
            "\n".join([f"{settings.env_file} does not fit {source.origin}:", *missing])
        )


def _prepare(context: RehearsalContext, own: OwnService) -> str:
    """Bootstrap, make up what the settings name, and write them as they are played."""
    report, workspace = context.report, context.workspace
    with report.step("cdk bootstrap") as step:
        workspace.bootstrap()
        step.note = "from now on as a user who may only assume the roles of the bootstrap"
    made_up = MadeUp(context.aws, workspace.folder)
    network = context.network.cidr if isinstance(context, ContainerContext) else ""
    names: list[str] = []
    with report.step("Make up what the settings name") as step:
        for number, each in enumerate(own.deployment):
            texts = read_env_file(each.env_file).texts
            changes = made_up.changes(each, texts, network or own.vpc_cidr or _ANY_RANGE)
            if each.core and network and each.core.vpc_cidr == own.vpc_cidr != network:
                changes["vpc_cidr"] = network
                report.leave_out(f"vpc_cidr {own.vpc_cidr}, which is taken on this machine")
            names.append(f"{number}-{each.env_file.name}")
            text = sample_env(**(texts | changes))
            (workspace.folder / names[-1]).write_text(text, encoding="utf-8")
        step.note = "; ".join(made_up.made) or "nothing"
    if own.settings.service.cpu_architecture is CpuArchitecture.ARM64:
        report.leave_out("ARM64: images are built for the processor of this machine")
    return ",".join(names)


def _deploy(context: RehearsalContext, own: OwnService, env_files: str) -> None:
    report = context.report
    report.section("First deploy")
    with report.step("cdk deploy --all") as step:
        context.workspace.deploy(env_file=env_files)
        step.note = context.outputs()["ServiceDiscoveryEndpoint"]
    with report.step("Every resource is there") as step:
        expect("resources that no API knows", context.inventory.missing(own.stacks), [])
        counts = [len(context.workspace.template(name)["Resources"]) for name in own.stacks]
        step.note = f"{sum(counts)} resources of {len(counts)} stacks"
    with report.step("The first image runs") as step:
        service = context.service()
        expect("running tasks", service["runningCount"], service["desiredCount"])
        expect("the image", context.running_image(), context.image(context.repository(), "live"))
        step.note = f"{service['runningCount']} tasks"


def _destroy(context: RehearsalContext, own: OwnService, env_files: str) -> None:
    report = context.report
    report.section("Destroy")
    with report.step("cdk destroy --all") as step:
        families = [
            context.outputs(each.service_stack_name)["TaskDefinitionFamily"]
            for each in own.deployment
        ]
        context.workspace.cdk("destroy", "--all", "--force", env_file=env_files)
        left = sum(deregister_revisions(context, family) for family in families)
        step.note = f"{left} task definition revisions of deliveries were left, and deregistered"
