"""The tables of docs/deploy-time.md."""

from collections.abc import Mapping

from deploy_time.durations import read_durations
from deploy_time.schedule import Schedule

LENGTH_OF_HASH = 8
"""What CDK adds to the end of a logical id."""


def critical_paths(schedules: Mapping[str, Schedule]) -> str:
    """Return, for each stack, the chain of resources that decides how long it takes."""
    rows = ["| stack | from (s) | takes (s) | what | resource |", "|---|---:|---:|---|---|"]
    for stack, schedule in schedules.items():
        for step in schedule.critical_path:
            name = step.logical_id[:-LENGTH_OF_HASH]
            took = f"{step.end - step.start:g}"
            rows.append(f"| {stack} | {step.start:g} | {took} | `{step.kind}` | `{name}` |")
        rows.append(f"| **{stack}** | **{schedule.critical_path[-1].end:g}** | | | |")
    return "\n".join(rows)


def ways(configurations: Mapping[str, Mapping[str, Schedule]]) -> str:
    """Return how long the stacks of several configurations take."""
    rows = ["| settings | core (s) | service (s) | decides in the core |", "|---|---:|---:|---|"]
    for name, schedules in configurations.items():
        core, service = (schedule.critical_path for schedule in schedules.values())
        longest = max(core, key=lambda step: step.end - step.start)
        rows.append(f"| {name} | {core[-1].end:g} | {service[-1].end:g} | `{longest.kind}` |")
    return "\n".join(rows)


def durations() -> str:
    """Return what is known of each type."""
    rows = ["| type | s | known from |", "|---|---:|---|"]
    for kind, duration in sorted(read_durations().items()):
        known = f"[{duration.basis}]({duration.source})" if duration.source else duration.basis
        rows.append(f"| `{kind}` | {duration.seconds:g} | {known} |")
    return "\n".join(rows)
