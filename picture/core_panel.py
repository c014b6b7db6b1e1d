"""Where the nodes of the core stack are drawn."""

from dataclasses import dataclass, replace

from picture.canvas import SIZES, Box, Canvas
from picture.cards import card, height, upright_card
from picture.model import Model, Part
from picture.text import wrapped

PANEL = Box(16, 16, 1088, 394)
COLUMN = Box(32, 62, 236, 330)
VPC = Box(284, 62, 788, 330)
ZONES = Box(512, 100, 544, 276)
GAP = 12


@dataclass(frozen=True)
class Cell:
    """A zone: its whole, and its two subnets."""

    zone: Box
    public: Box
    private: Box


def cells(model: Model) -> list[Cell]:
    """Return where the zones are."""
    count = len(model.zones)
    width = (ZONES.w - GAP * (count - 1)) / count
    boxes = [Box(ZONES.x + (width + GAP) * n, ZONES.y, width, ZONES.h) for n in range(count)]
    return [
        Cell(
            zone,
            Box(zone.x + 7, zone.y + 27, zone.w - 14, 70),
            Box(zone.x + 7, zone.y + 123, zone.w - 14, 146),
        )
        for zone in boxes
    ]


def draw_core(canvas: Canvas, model: Model) -> None:
    """Draw the core stack: what surrounds the VPC, and the VPC with its zones."""
    canvas.rect(PANEL, "core", 14)
    end = canvas.text(model.stacks[Part.CORE], 32, 45, "stack", style="core-ink")
    canvas.text("where services run", end + 12, 45, "small", style="faint")
    _draw_column(canvas, model)
    canvas.rect(VPC, "vpc", 2)
    vpc = model.nodes["vpc"]
    canvas.icon(vpc.icon, VPC.x, VPC.y, 30)
    end = canvas.text(vpc.title, VPC.x + 40, VPC.y + 21, "title")
    canvas.text(" ".join(vpc.details), end + 8, VPC.y + 21, "small", style="faint")
    if endpoints := model.nodes.get("endpoints"):
        high = height(endpoints, 196, icon_size=34)
        card(canvas, endpoints, Box(300, 100, 196, high), icon_size=34)
    for zone, cell in zip(model.zones, cells(model), strict=True):
        canvas.rect(cell.zone, "zone", 4)
        canvas.text(zone.title, cell.zone.x + 10, cell.zone.y + 18, "small", style="faint")
        for box, kind, cidr in (
            (cell.public, "public", zone.public),
            (cell.private, "private", zone.private),
        ):
            canvas.rect(Box(box.x, box.y, box.w, 42 if kind == "private" else box.h), kind, 4)
            canvas.rect(box, f"{kind}-edge", 4)
            canvas.icon(f"{kind.capitalize()}subnet", box.x, box.y, 20)
            canvas.text(kind, box.x + 27, box.y + 15, "small")
            canvas.text(cidr, box.x + 27, box.y + 33, "small", style="faint")


def caller_box() -> Box:
    """Return where the caller is drawn."""
    return Box(324, 256, 124, 114)


def namespace_box(model: Model) -> Box:
    """Return where the namespace is drawn: last in the column."""
    return _column(model)["namespace"]


def draw_caller(canvas: Canvas, model: Model) -> None:
    """Draw who calls the service."""
    if caller := model.nodes.get("caller"):
        box = caller_box()
        upright_card(canvas, replace(caller, details=()), box)
        lines = [
            line
            for d in caller.details
            for line in wrapped(d, SIZES["small"], ZONES.x - VPC.x - 28)
        ]
        for number, line in enumerate(lines):
            y = box.y - 14 - 18 * (len(lines) - 1 - number)
            canvas.text(line, VPC.x + 16, y, "small", style="call-ink")


def _column(model: Model) -> dict[str, Box]:
    names = ("cluster", "execution-role", "flow-logs", "namespace")
    present = [name for name in names if name in model.nodes]
    height = (COLUMN.h - GAP * (len(names) - 1)) / len(names)
    top = COLUMN.bottom - len(present) * height - (len(present) - 1) * GAP
    return {
        name: Box(COLUMN.x, top + (height + GAP) * n, COLUMN.w, height)
        for n, name in enumerate(present)
    }


def _draw_column(canvas: Canvas, model: Model) -> None:
    for name, box in _column(model).items():
        card(canvas, model.nodes[name], box)
        if name == "flow-logs":
            canvas.line([(VPC.x, box.cy), (box.right + 2, box.cy)], "use")
