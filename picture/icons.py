"""The AWS architecture icons, as symbols that the picture carries."""

import re
from collections.abc import Iterable
from pathlib import Path

ICONS = Path(__file__).parent / "icons"
_ICON = re.compile(
    r'<svg [^>]*viewBox="(?P<box>[\d ]+)"[^>]*>(<title>.*?</title>)?(?P<inside>.*)</svg>'
)


def symbols(names: Iterable[str]) -> list[str]:
    """Return the icons, each as a symbol with its name as id."""
    return [_symbol(name) for name in sorted(names)]


def _symbol(name: str) -> str:
    icon = _ICON.fullmatch((ICONS / f"{name}.svg").read_text(encoding="utf-8").strip())
    if icon is None:
        raise ValueError(f"{name}.svg is not an icon of the expected form")
    return f'<symbol id="{name}" viewBox="{icon["box"]}">{icon["inside"]}</symbol>'
