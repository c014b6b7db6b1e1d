"""Colours and type of the picture, for light and dark surroundings."""

import base64

from picture.canvas import SIZES
from picture.text import BOLD, REGULAR

LIGHT = {
    "page": "#ffffff", "edge": "#d0d7de", "card": "#ffffff", "ink": "#1f2937", "faint": "#57606a",
    "core": "#eef4fb", "core-edge": "#4a7ab5", "core-ink": "#23558f",
    "service": "#ff990022", "service-edge": "#d5761a", "service-ink": "#9a4c00",
    "vpc": "#ffffffb0", "public": "#7aa11622", "private": "#00a4a61c",
    "commit": "#b5179e", "call": "#1f6feb", "use": "#7d8590",
    "on-disc": "#ffffff", "tile": "none",
}  # fmt: skip
DARK = {
    "page": "#0d1117", "edge": "#30363d", "card": "#1c2330", "ink": "#e6edf3", "faint": "#a3adb9",
    "core": "#131d2c", "core-edge": "#5b8fd0", "core-ink": "#8ebcf2",
    "service": "#ff99001f", "service-edge": "#d98a3a", "service-ink": "#f3b067",
    "vpc": "#0d111780", "public": "#7aa11630", "private": "#00a4a62e",
    "commit": "#f06bdc", "call": "#6cb0ff", "use": "#8b949e",
    "on-disc": "#0d1117", "tile": "#e6edf3",
}  # fmt: skip


def style_sheet(*, embed_fonts: bool = True) -> str:
    """Return the style sheet: light, and dark where the reader's surroundings are."""
    dark = f"@media (prefers-color-scheme: dark){{{_colours(DARK)}}}"
    return (_fonts() if embed_fonts else "") + _type() + _colours(LIGHT) + dark


def _fonts() -> str:
    return "".join(
        f"@font-face{{font-family:Inter;font-weight:{weight};"
        f"src:url(data:font/ttf;base64,{base64.b64encode(font.read_bytes()).decode()})}}"
        for weight, font in ((400, REGULAR), (600, BOLD))
    )


def _type() -> str:
    rules = ["text{font-family:Inter,'Helvetica Neue',Arial,sans-serif;font-weight:400}"]
    rules += [f".{kind}{{font-size:{size:g}px}}" for kind, size in SIZES.items()]
    rules.append(".stack,.title,.badge{font-weight:600}")
    rules.append(".line{fill:none;stroke-width:1.5}.commit{stroke-width:3}.call{stroke-width:2}")
    rules.append(".call{stroke-dasharray:6 4}.others,.zone{stroke-dasharray:5 4}")
    return "".join(rules)


def _colours(colours: dict[str, str]) -> str:
    c = colours
    outlines = {
        "page": (c["page"], c["edge"]),
        "core": (c["core"], c["core-edge"]),
        "service": (c["service"], c["service-edge"]),
        "card": (c["card"], c["edge"]),
        "others": (c["page"], c["faint"]),
        "vpc": (c["vpc"], "#8c4fff"),
        "zone": ("none", c["use"]),
        "public": (c["public"], "none"),
        "private": (c["private"], "none"),
        "public-edge": ("none", "#7aa116"),
        "private-edge": ("none", "#00a4a6"),
        "lane": (c["vpc"], c["commit"]),
    }
    rules = [f".{name}{{fill:{fill};stroke:{line}}}" for name, (fill, line) in outlines.items()]
    rules.append(f"text{{fill:{c['ink']}}}.faint{{fill:{c['faint']}}}.badge{{fill:{c['on-disc']}}}")
    rules.append(f".tile{{fill:{c['tile']}}}")
    rules += [f".{part}-ink{{fill:{c[f'{part}-ink']}}}" for part in ("core", "service")]
    for flow in ("commit", "call", "use"):
        rules.append(f".{flow}{{stroke:{c[flow]}}}.{flow}-ink{{fill:{c[flow]}}}")
    rules.append(f".disc{{fill:{c['commit']};stroke:{c['page']};stroke-width:2}}")
    return "".join(rules)
