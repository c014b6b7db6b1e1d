"""Secret values that are easy to find again, and where they are found."""

from pathlib import Path

CANARY = "CANARY"
TOKEN = f"ghp_{CANARY}6789abcdefghijABCDEFGHIJ012345"
PASSWORD = f"correct-horse-{CANARY}-staple"


def files_in(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes().decode("latin-1") for p in paths}


def holders(texts: dict[str, str]) -> list[str]:
    return [place for place, text in texts.items() if CANARY in text]
