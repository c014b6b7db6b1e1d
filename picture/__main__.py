"""Draw the picture: ``python -m picture`` writes docs/architecture.svg and .png."""

from tools.command_line import run

from picture.assembly import sample_templates
from picture.drawing import svg
from picture.extraction import extract
from picture.png import png
from rehearsal.sample_settings import ROOT

SVG, PNG = ROOT / "docs" / "architecture.svg", ROOT / "docs" / "architecture.png"


def main() -> None:
    """Write both files."""
    picture = svg(extract(sample_templates()))
    SVG.write_text(picture, encoding="utf-8")
    PNG.write_bytes(png(picture))
    for path in (SVG, PNG):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    run(main)
