"""``python -m deploy_time``: write docs/deploy-time.svg and the tables of docs/deploy-time.md."""

from tools.command_line import run

from collections.abc import Mapping

from deploy_time.chart import chart
from deploy_time.report import critical_paths, durations, ways
from deploy_time.schedule import Schedule, schedule
from documents.generated_part import DOCS, GeneratedPart
from picture.assembly import sample_templates

CONFIGURATIONS: Mapping[str, Mapping[str, str]] = {
    "sample.env": {},
    '`enable_nat_gw="False"`': {"enable_nat_gw": "False"},
    '`az_count="2"`, `notification_email`': {
        "az_count": "2",
        "notification_email": "team@example.com",
    },
}
"""Settings that are compared."""


def main() -> None:
    """Write both files, and print how long the stacks of sample.env take."""
    by_configuration = {name: _schedules(**changes) for name, changes in CONFIGURATIONS.items()}
    sample = by_configuration["sample.env"]
    for name, text in (
        ("critical paths", critical_paths(sample)),
        ("ways", ways(by_configuration)),
        ("durations", durations()),
    ):
        GeneratedPart("deploy-time.md", name).write(text)
    (DOCS / "deploy-time.svg").write_text(chart(sample), encoding="utf-8")
    print(critical_paths(sample))


def _schedules(**changes: str) -> dict[str, Schedule]:
    return {stack: schedule(t) for stack, t in sample_templates(**changes).items()}


if __name__ == "__main__":
    run(main)
