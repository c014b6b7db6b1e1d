"""Tell what the settings cost in a month: ``python -m tools.cost``."""

from tools.command_line import run

import argparse
import sys
from collections.abc import Sequence

from settings import SettingsError, load_deployment
from tools.progress.terminal import LiveLine


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.cost", description=__doc__)
    parser.add_argument(
        "--env-file", default=".env", help="settings file; several, comma-separated, make one app"
    )
    options = parser.parse_args(arguments)
    try:
        deployment = load_deployment(options.env_file)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    # Only now: CDK takes a second, and is not needed to reject settings.
    from tools.cost.bill import bill_of  # noqa: PLC0415
    from tools.cost.report import report  # noqa: PLC0415

    # On a terminal only: the synthesis takes a few seconds.
    running = LiveLine(sys.stderr)
    running.show("Making the templates ...")
    lines = list(report(deployment, bill_of(deployment)))
    running.clear()
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    run(main)
