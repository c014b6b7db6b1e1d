"""Draw the diagram: ``python -m tools.diagram`` writes docs/architecture.svg."""

from tools.command_line import run

import argparse

from settings.examples import ROOT
from tools.diagram.drawing import svg
from tools.diagram.extraction import extract
from tools.example_templates import example_templates

SVG = ROOT / "docs" / "architecture.svg"


def main() -> None:
    """Write the file."""
    argparse.ArgumentParser(prog="python -m tools.diagram", description=__doc__).parse_args()
    SVG.write_text(svg(extract(example_templates())), encoding="utf-8")
    print(f"{SVG.relative_to(ROOT)}  {SVG.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    run(main)
