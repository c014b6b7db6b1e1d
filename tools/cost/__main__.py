"""Print what the settings cost in a month: ``python -m tools.cost``. It asks nothing of AWS."""

from tools.command_line import run

import argparse
from collections.abc import Sequence

from tools.service_choice import load_chosen


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the bill."""
    parser = argparse.ArgumentParser(prog="python -m tools.cost", description=__doc__)
    parser.add_argument("--env-file", help="settings file, .env by default; several with commas")
    given = parser.parse_args(arguments)
    deployment = load_chosen(given.env_file)
    # CDK takes a second to load, and wrong settings should not wait for it.
    from app import templates_of  # noqa: PLC0415
    from tools.cost.bill import bill_of  # noqa: PLC0415

    tokens = {s.delivery.github_token_secret_name for s in deployment} - {None}
    print("List prices of us-east-1 from tools/cost/prices.toml, which has the date of each.")
    regions = sorted({settings.aws_region for settings in deployment} - {"us-east-1"})
    if regions:
        print(f"Prices of {', '.join(regions)} differ, often by 5 to 30 %.")
    print("Tasks: desired_count of each service.\n")
    print("\n".join(bill_of(templates_of(deployment), len(tokens)).lines()))


if __name__ == "__main__":
    run(main)
