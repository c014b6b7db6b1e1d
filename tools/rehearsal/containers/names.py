"""Calls by name, from inside a container of another service."""

import time

from tools.rehearsal.containers.callers import calling
from tools.rehearsal.containers.stage import ORDERS, Stage
from tools.rehearsal.expectation import expect, expect_all, expect_true

_SECONDS = 3.0
_LEAST_SHARE = 0.15


def play(stage: Stage) -> None:
    """Call the backend from orders for a moment; every task must answer its share."""
    narrator = stage.world.narrator
    with narrator.step("orders calls the backend by its name") as step:
        (container,) = stage.containers(ORDERS).values()
        with calling(stage.engine, container["Id"], stage.url, ["plain"]) as (caller,):
            time.sleep(_SECONDS)
            calls = caller.calls()
        expect("errors", calls.reasons(), {})
        shares, total = calls.shares("task"), len(calls.requests)
        expect_all("the tasks that answered", shares, stage.containers())
        fair = all(count >= total * _LEAST_SHARE for count in shares.values())
        expect_true(f"each task has its share: {shares}", holds=fair)
        expect("zones that answered", len(calls.shares("zone")), 3)
        step.note = f"{stage.url}: {total} answers, {' + '.join(map(str, sorted(shares.values())))}"
