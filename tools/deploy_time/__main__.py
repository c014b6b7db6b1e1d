"""``python -m tools.deploy_time``: write the tables of docs/deploy-time.md."""

from tools.command_line import run

import argparse
from collections import Counter
from collections.abc import Mapping

from tools.deploy_time.graph import CreationGraph
from tools.example_templates import example_templates
from tools.generated_part import GeneratedPart

CONFIGURATIONS: Mapping[str, Mapping[str, str]] = {
    "sample.env": {},
    '`enable_nat_gw="False"`': {"enable_nat_gw": "False"},
    '`az_count="2"`, `notification_email`': {
        "az_count": "2",
        "notification_email": "team@example.com",
    },
}
"""Settings that are compared."""


def graphs(**changes: str) -> dict[str, CreationGraph]:
    """Return the graph of each stack that sample.env with ``changes`` makes."""
    return {stack: CreationGraph(t) for stack, t in example_templates(**changes).items()}


def tables() -> dict[str, str]:
    """Return the generated parts of docs/deploy-time.md by their names."""
    return {"steps": _steps(graphs()), "configurations": _configurations()}


def _steps(by_stack: Mapping[str, CreationGraph]) -> str:
    rows = ["| stack | step | begun at the earliest |", "|---|---:|---|"]
    for stack, graph in by_stack.items():
        longest = graph.longest_chains()
        for step in range(1, graph.length + 1):
            begun = Counter(
                (each not in longest, graph.kinds[each].removeprefix("AWS::"))
                for each, of in graph.steps.items()
                if of == step
            )
            cells = (
                f"{kind if other else f'**{kind}**'}{f' × {count}' if count > 1 else ''}"
                for (other, kind), count in sorted(begun.items())
            )
            rows.append(f"| {stack} | {step} | {', '.join(cells)} |")
    return "\n".join(rows)


def _configurations() -> str:
    rows = ["| settings | stack | resources | waits | steps |", "|---|---|---:|---:|---:|"]
    for name, changes in CONFIGURATIONS.items():
        for stack, graph in graphs(**changes).items():
            waits = sum(map(len, graph.waits_for.values()))
            rows.append(f"| {name} | {stack} | {len(graph.steps)} | {waits} | {graph.length} |")
    return "\n".join(rows)


def main() -> None:
    """Write the tables, and print them."""
    argparse.ArgumentParser(prog="python -m tools.deploy_time", description=__doc__).parse_args()
    for name, text in tables().items():
        GeneratedPart("deploy-time.md", name).write(text)
        print(f"{text}\n")


if __name__ == "__main__":
    run(main)
