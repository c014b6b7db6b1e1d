"""The chapter of the rehearsal that needs a container engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from settings.examples import ACCOUNT, REGION, ROOT
from tools.container_engine import Engine, NoEngineError, build_image, docker_host
from tools.local_aws import EngineAccess, LocalAws
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.containers import deliveries, first_tasks, names
from tools.rehearsal.containers.container_network import ContainerNetwork, container_network
from tools.rehearsal.containers.first_tasks import SEED
from tools.rehearsal.containers.other_drain import set_drain
from tools.rehearsal.containers.resolver import resolver
from tools.rehearsal.containers.stage import Stage
from tools.rehearsal.narration import Narrator
from tools.rehearsal.pipeline.docker_command import docker_command, engine_at_hand
from tools.rehearsal.scenarios import first_deploy
from tools.rehearsal.workspace import Workspace
from tools.rehearsal.world import World, tell_source

APPLICATION = ROOT / "application-code" / "ecsdemo-backend"
CACHE = ROOT / ".cache" / "container_engine"
CHART = ROOT / ".cache" / "laptop.svg"

NOT_SHOWN = (
    "containers of the image that the buildspec builds, their health checks and logs",
    "names that resolve for another service, and each task's share of its calls",
    "calls that go on during a delivery, a crash, and the rollback of a bad version",
)


def at_hand() -> tuple[Engine, str]:
    """Return an engine and the base image; ``NoEngineError`` says what is missing."""
    return engine_at_hand(APPLICATION / "Dockerfile")


def leave_out(narrator: Narrator, reason: NoEngineError) -> None:
    """Say at the end what is not shown without an engine."""
    narrator.leave_out(f"tasks as containers: {reason}")
    for each in NOT_SHOWN:
        narrator.leave_out(each)


def play(
    narrator: Narrator,
    engine: Engine,
    base: str,
    *,
    working_tree: bool = False,
    chart: Path = CHART,
    drain_seconds: int | None = None,
) -> None:
    """Do it all with tasks that are containers, built on the image ``base``.

    With ``working_tree`` the files that are delivered are as they are on disk, not as committed.
    ``drain_seconds`` is another draining time than the template's, to see what it is worth; then
    only the careful caller is expected not to notice a delivery.
    """
    narrator.chapter("The promise kept: tasks as containers")
    with (
        ScratchDirectory("docker") as scratch,
        # Outermost: at its end it removes the images, which no task may use any more.
        docker_command(scratch.path, APPLICATION / "Dockerfile") as docker,
        _stage(narrator, engine, base, working_tree=working_tree) as stage,
    ):
        first_tasks.play(stage)
        names.play(stage)
        if drain_seconds is not None:
            with narrator.step(f"Tasks that drain for {drain_seconds} s"):
                set_drain(stage, drain_seconds)
        deliveries.play(stage, docker, chart)


@contextmanager
def _stage(narrator: Narrator, engine: Engine, base: str, *, working_tree: bool) -> Iterator[Stage]:
    """Have a local AWS of its own, whose tasks are containers, with two services deployed."""
    with narrator.step("Build the image of the first tasks") as step:
        arguments = {"REVISION": "first", "BASE_IMAGE": base}
        build_image(engine, APPLICATION, SEED, CACHE, build_args=arguments)
        step.note = f"{engine.name}; it stands for seed_image, which is not downloaded"
    with (
        docker_host(engine) as host,
        container_network(engine) as network,
        LocalAws(account=ACCOUNT, region=REGION, engine=_access(host, network)) as aws,
        resolver(network, SEED, aws) as feed,
        Workspace(aws.environment()) as workspace,
    ):
        world = World(aws, workspace, narrator, working_tree)
        with narrator.step("cdk bootstrap, and the GitHub token"):
            first_deploy.prepare(World(aws, workspace, _Silent()))
        tell_source(world)
        yield Stage(world=world, engine=engine, network=network, feed=feed)


def _access(host: str, network: ContainerNetwork) -> EngineAccess:
    return EngineAccess(
        docker_host=host, network=network.name, resolver=network.resolver, labels=network.labels
    )


class _Silent(Narrator):
    """For steps that another chapter has told already."""

    def say(self, text: str = "") -> None:
        """Say nothing."""
