"""Write sample.env and docs/settings.md from the settings: `python -m settings`."""

import argparse
import sys
from pathlib import Path

from .sample import written_files

if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m settings", description=__doc__).parse_args()
    try:
        for path, text in written_files(Path(__file__).resolve().parents[1]).items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}")
