"""Print what the settings cost in a month: ``python -m tools.cost``. It asks nothing of AWS."""

from tools.command_line import run

import argparse
from collections.abc import Sequence

from app import templates_of
from tools.cost.bill import bill_of
from tools.service_choice import load_chosen


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the bill."""
    parser = argparse.ArgumentParser(prog="python -m tools.cost", description=__doc__)
    parser.add_argument("--env-file", help="settings file, .env by default; several with commas")
    given = parser.parse_args(arguments)
    deployment = load_chosen(given.env_file)
    print("List prices of us-east-1 from tools/cost/prices.toml, which has the date of each.")
    print("Prices of other regions differ, often by 5 to 30 %.")
    print("Tasks: desired_count of each service.\n")
    print("\n".join(bill_of(templates_of(deployment)).lines()))


if __name__ == "__main__":
    run(main)
