"""Build an image from the command line."""

from __future__ import annotations

from tools.command_line import run

import argparse
import sys
from pathlib import Path

from cdk_rehearsal.containers import (
    EngineError,
    NoEngineError,
    build_image,
    default_base_image,
    find_engine,
    owned,
)
from tools.rehearsal.sample_image import CACHE


def main() -> None:
    """Build the image, and print the engine and the base image, or the error."""
    parser = argparse.ArgumentParser(prog="python -m tools.image", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of the Dockerfile")
    parser.add_argument("tag", help="the name of the image")
    parser.add_argument("revision", help="the revision that the service reports")
    wanted = parser.parse_args()
    try:
        default_base_image(wanted.folder / "Dockerfile")  # an error in it needs no engine
        engine = find_engine(CACHE)
        arguments = {"REVISION": wanted.revision}
        with owned(engine):
            base = build_image(engine, wanted.folder, wanted.tag, CACHE, build_args=arguments)
    except (NoEngineError, EngineError) as error:
        sys.exit(f"error: {error}")
    print(f"{engine.name} built {wanted.tag} on {base}")


if __name__ == "__main__":
    run(main)
