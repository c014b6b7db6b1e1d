"""Deliveries and failures under load: careful callers in another service must not notice."""

import json
from pathlib import Path

from tools.rehearsal.containers.bad_version import deliver_bad_version
from tools.rehearsal.containers.callers import calling
from tools.rehearsal.containers.chart import draw
from tools.rehearsal.containers.killed_task import kill_task
from tools.rehearsal.containers.load import MODES, Load, account
from tools.rehearsal.containers.rolling_delivery import RollingDelivery
from tools.rehearsal.containers.stage import ORDERS, Stage
from tools.rehearsal.expectation import expect
from tools.rehearsal.pipeline.docker_command import DockerCommand


def play(stage: Stage, docker: DockerCommand, chart: Path) -> None:
    """Deliver a version, deliver a bad one, kill a task, while three callers go on calling."""
    narrator = stage.world.narrator
    (orders,) = stage.containers(ORDERS).values()
    with calling(stage.engine, orders["Id"], stage.url, MODES) as callers:
        load = Load(stage=stage, callers=callers)
        delivery = RollingDelivery(load, docker)
        with narrator.step("A version is delivered under load") as step:
            step.note = delivery.deliver()
        with narrator.step("Meanwhile one that crashes at its start") as step:
            step.note = deliver_bad_version(load, docker)
        with narrator.step("The old tasks drain and leave") as step:
            step.note = delivery.let_go()
        with narrator.step("A task is killed") as step:
            step.note = kill_task(load)
        seen = [load.calls(mode) for mode in MODES]
    for calls in seen:
        with narrator.step(f"What the {calls.mode} caller saw") as step:
            step.note = account(calls)
            if calls.mode == "careful":
                expect("requests of the careful caller that failed", calls.failed, [])
    with narrator.step("A chart of it") as step:
        draw(chart, seen, load.events)
        figures = [load.events, {calls.mode: calls.requests for calls in seen}]
        # Not the chart's name with another suffix: that may be a file of the user's.
        chart.with_name(f"{chart.name}.json").write_text(json.dumps(figures), encoding="utf-8")
        step.note = str(chart)
