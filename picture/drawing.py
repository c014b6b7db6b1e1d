"""From the model to the SVG."""

import json
from html import escape

from picture.canvas import Box, Canvas
from picture.core_panel import draw_caller, draw_core
from picture.icons import symbols
from picture.lines import draw_edges
from picture.model import Flow, Model, Part
from picture.service_panel import draw_service, places
from picture.style import style_sheet
from picture.way_out import draw_way_out

WIDTH = 1120
LEGEND = (
    (Flow.COMMIT, "path of a commit"),
    (Flow.CALL, "call by name"),
    (Flow.USE, "use"),
)


def paint(model: Model) -> tuple[Canvas, float]:
    """Paint the picture; return the canvas and the height."""
    canvas, at = Canvas(), places(model)
    height = at.bottom + 48
    canvas.rect(Box(0.5, 0.5, WIDTH - 1, height - 1), "page", 16)
    draw_core(canvas, model)
    draw_way_out(canvas, model)
    draw_caller(canvas, model)
    draw_service(canvas, model, at)
    draw_edges(canvas, model, at)
    _legend(canvas, at.bottom + 24)
    return canvas, height


def svg(model: Model, *, embed_fonts: bool = True) -> str:
    """Return the picture, with the model that it was made from in its metadata."""
    canvas, height = paint(model)
    source = escape(json.dumps(model.as_json(), indent=1), quote=False)
    size = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}"'
    title = f"{model.stacks[Part.CORE]} and {model.stacks[Part.SERVICE]}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">',
            f'<title id="title">{escape(title)}</title>',
            f"<metadata>{source}</metadata>",
            f"<style>{style_sheet(embed_fonts=embed_fonts)}</style>",
            "<defs>",
            *symbols(canvas.icons),
            *(_arrow(flow) for flow in Flow),
            "</defs>",
            *canvas.elements,
            "</svg>",
            "",
        ]
    )


def model_of(svg_text: str) -> object:
    """Return the model that a picture says it was made from, as plain data."""
    start, end = svg_text.index("<metadata>") + len("<metadata>"), svg_text.index("</metadata>")
    text = svg_text[start:end]
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return json.loads(text)


def _arrow(flow: Flow) -> str:
    size = 15 if flow is Flow.COMMIT else 9
    return (
        f'<marker id="arrow-{flow}" viewBox="0 0 10 10" refX="8.5" refY="5" orient="auto"'
        f' markerUnits="userSpaceOnUse" markerWidth="{size}" markerHeight="{size}">'
        f'<path d="M0 0.8L10 5L0 9.2Z" class="{flow}-ink"/></marker>'
    )


def _legend(canvas: Canvas, y: float) -> None:
    x = 24.0
    for flow, words in LEGEND:
        canvas.line([(x, y), (x + 40, y)], flow)
        x = canvas.text(words, x + 50, y + 4.5, "small", style="faint") + 30
    note = "drawn from the synthesised templates by make diagram"
    canvas.text(note, WIDTH - 24, y + 4.5, "small", style="faint", anchor="end")
