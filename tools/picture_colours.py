"""The colours of every picture: light, and dark where the reader's surroundings are.

A picture has its own background: a page may be dark while the system that it is shown on is light,
and then what was drawn for one would stand on the other.
"""

from collections.abc import Callable, Mapping

Colours = Mapping[str, str]

LIGHT: Colours = {
    "page": "#ffffff", "edge": "#d0d7de", "ink": "#1f2937", "faint": "#57606a",
    "good": "#1a7f37", "bad": "#cf222e",
}  # fmt: skip
DARK: Colours = {
    "page": "#0d1117", "edge": "#30363d", "ink": "#e6edf3", "faint": "#a3adb9",
    "good": "#3fb950", "bad": "#ff7b72",
}  # fmt: skip


def light_and_dark(
    rules: Callable[[Colours], str], light: Colours = LIGHT, dark: Colours = DARK
) -> str:
    """Return the style sheet that ``rules`` makes of colours, for both."""
    return f"{rules(light)}@media (prefers-color-scheme: dark){{{rules(dark)}}}"
