"""Draw the diagram and its small form: ``python -m tools.diagram``.

Those of sample.env are docs/architecture.svg and docs/overview.svg. Those of other settings have
the name of the stack of their service.
"""

from tools.command_line import run

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from settings import Settings, SettingsError, load_deployment
from settings.examples import example_deployment
from tools.repository import ROOT

SVG, OVERVIEW = ROOT / "docs" / "architecture.svg", ROOT / "docs" / "overview.svg"
FOLDER = Path(".cache/diagram")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.diagram", description=__doc__)
    parser.add_argument(
        "--env-file", help="settings file; several, comma-separated, make one app (sample.env)"
    )
    parser.add_argument(
        "--to", type=Path, default=FOLDER, help=f"folder for those of an --env-file ({FOLDER})"
    )
    given = parser.parse_args(arguments)
    try:
        deployment = load_deployment(given.env_file) if given.env_file else example_deployment({})
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    for settings, diagram, overview in _drawn(deployment):
        files = (SVG, OVERVIEW)
        if given.env_file:
            stack = settings.service_stack_name
            files = (given.to / f"{stack}.svg", given.to / f"{stack}-overview.svg")
            given.to.mkdir(parents=True, exist_ok=True)
        for file, text in zip(files, (diagram, overview), strict=True):
            file.write_text(text, encoding="utf-8")
            shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
            print(f"{shown}  {file.stat().st_size / 1024:.0f} kB")
    return 0


def _drawn(deployment: Sequence[Settings]) -> Iterator[tuple[Settings, str, str]]:
    """Yield both pictures of each service."""
    # Only now: CDK takes a second, and is not needed to reject settings.
    from app import templates_of  # noqa: PLC0415
    from tools.diagram.drawing import svg  # noqa: PLC0415
    from tools.diagram.extraction import extract  # noqa: PLC0415
    from tools.diagram.overview import overview_svg  # noqa: PLC0415
    from tools.diagram.templates import with_its_core  # noqa: PLC0415

    by_stack = templates_of(deployment)
    for settings in deployment:
        stacks = with_its_core(by_stack, settings.service_stack_name)
        model = extract(stacks, settings.existing_platform)
        yield settings, svg(model), overview_svg(model)


if __name__ == "__main__":
    run(main)
