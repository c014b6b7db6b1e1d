"""Write sample.env and docs/settings.md from the settings: `python -m settings`."""

from pathlib import Path

from .sample import written_files

if __name__ == "__main__":
    for path, text in written_files(Path(__file__).resolve().parents[1]).items():
        path.write_text(text, encoding="utf-8")
