"""Fill the drawings in: ``python -m tools.diagram``."""

from tools.command_line import run

import argparse
from collections.abc import Sequence
from pathlib import Path

from app import templates_of
from tools.diagram.filling import pictures_of
from tools.repository import ROOT
from tools.service_choice import env_files_or_none, load_chosen


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tools.diagram", description=__doc__)
    parser.add_argument("--env-file", help="settings files, with commas between them (.env)")
    parser.add_argument("--to", type=Path, help="folder (.cache/diagram; docs for the sample)")
    given = parser.parse_args(arguments)
    deployment = load_chosen(given.env_file)
    is_sample = env_files_or_none(given.env_file) is None
    folder = given.to or (ROOT / "docs" if is_sample else Path(".cache/diagram"))
    folder.mkdir(parents=True, exist_ok=True)
    for stack, name, picture in pictures_of(deployment, templates_of(deployment)):
        file = folder / (name if is_sample else f"{stack}-{name}")
        file.write_text(picture, encoding="utf-8")
        print(file)


if __name__ == "__main__":
    run(main)
