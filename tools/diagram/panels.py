"""Where the nodes are drawn: the panels of both stacks, and the cards in them."""

from dataclasses import dataclass, replace

from tools.diagram.model import Model, Node, Part
from tools.diagram.svg import SIZES, Box, Canvas, wrapped

# Cards: how a node looks.
PADDING = 12
LINE = 18
DARK_ICONS = frozenset({"GitRepository", "User"})
"""Icons in ink: on a dark background they stand on a light tile."""


def card(canvas: Canvas, node: Node, box: Box, *, icon_size: float = 40) -> None:
    """Draw a node as a card: the icon at the left, title and details beside it."""
    canvas.rect(box, "others" if node.part is Part.OTHERS else "card")
    icon(canvas, node.icon, box.x + PADDING, box.cy - icon_size / 2, icon_size)
    x = box.x + 2 * PADDING + icon_size
    lines = _lines(node, box.right - PADDING / 2 - x)
    y = box.cy - LINE * len(lines) / 2 + 13.5
    for number, line in enumerate(lines):
        small = number >= len(lines) - _detail_count(node, box.right - PADDING / 2 - x)
        canvas.text(line, x, y, "small" if small else "title", style="faint" if small else "")
        y += LINE


def height(node: Node, width: float, *, icon_size: float = 40) -> float:
    """Return how high a card of a width has to be."""
    lines = _lines(node, width - 2.5 * PADDING - icon_size)
    return max(icon_size, LINE * len(lines)) + 1.5 * PADDING


def upright_card(canvas: Canvas, node: Node, box: Box, *, icon_size: float = 40) -> None:
    """Draw a node as a card with the icon above title and details."""
    canvas.rect(box, "others" if node.part is Part.OTHERS else "card")
    lines = _lines(node, box.w - PADDING)
    details = _detail_count(node, box.w - PADDING)
    y = box.cy - (icon_size + 6 + LINE * len(lines)) / 2
    icon(canvas, node.icon, box.cx - icon_size / 2, y, icon_size)
    y += icon_size + 6 + 13.5
    for number, line in enumerate(lines):
        small = number >= len(lines) - details
        kind, style = ("small", "faint") if small else ("title", "")
        canvas.text(line, box.cx, y, kind, style=style, anchor="middle")
        y += LINE


def icon(canvas: Canvas, name: str, x: float, y: float, size: float) -> None:
    """Place an icon, on a tile if it needs one."""
    if name in DARK_ICONS:
        canvas.rect(Box(x - 2, y - 2, size + 4, size + 4), "tile", 6)
    canvas.icon(name, x, y, size)


def _lines(node: Node, available: float) -> list[str]:
    return [
        *wrapped(node.title, SIZES["title"], available, bold=True),
        *(line for detail in node.details for line in wrapped(detail, SIZES["small"], available)),
    ]


def _detail_count(node: Node, available: float) -> int:
    return sum(len(wrapped(detail, SIZES["small"], available)) for detail in node.details)


# The panel of the core stack.
CORE_PANEL = Box(16, 16, 1088, 394)
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
    canvas.rect(CORE_PANEL, "core", 14)
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
            if kind == "public" and not cidr:  # of a VPC that is not looked up
                continue
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


def draw_egress(canvas: Canvas, model: Model) -> None:
    """Draw the gateways, and the routes of the private subnets to the internet."""
    places = cells(model)
    home = next((c for z, c in zip(model.zones, places, strict=True) if z.nat), places[0])
    x = home.public.right - 24
    if internet := model.nodes.get("internet"):
        canvas.icon(internet.icon, x - 18, VPC.y - 18, 36)
        canvas.text(internet.title, x - 24, VPC.y + 21, "small", style="faint", anchor="end")
    top = VPC.y + 22
    if nat := model.nodes.get("nat"):
        icon(canvas, nat.icon, x - 18, home.public.y + 22, 36)
        canvas.text(nat.title, x - 24, home.public.y + 56, "small", anchor="end")
        canvas.line([(x, home.public.y + 22), (x, top)], "use")
        bus = home.public.bottom + 13
        ends = [c.private.cx for c in places]
        for end in ends:
            canvas.line(
                [(end, home.private.y), (end, bus), (x, bus), (x, home.public.y + 62)], "use"
            )
    elif "internet" in model.nodes:
        canvas.line([(x, home.public.y), (x, top)], "use")


# The panel of the service stack, with a part inside the subnets.
LEFT, RIGHT, TOP = 176, 1090, 428
ARM = Box(504, 262, RIGHT - 504, TOP - 262)
"""The part of the panel that reaches into the private subnets."""
HEADING, HEADING_WIDTH, HEADING_LINE = 224, 286, 20
"""Right of the line from the name to the namespace."""
GUTTER = 1077
"""Where the line from the live image to the tasks runs."""
WATCH_HEIGHT, WATCH_GAP = 46, 13
TASK_ICON = 44
LANE_WIDTH, ACTION_GAP, ACTION_ICON, LIVE_WIDTH = 870, 20, 24, 166


@dataclass(frozen=True)
class Layout:
    """Where the parts of the service stack are; heights depend on what there is."""

    record: Box
    service: Box
    watch: dict[str, Box]
    lane: Box
    actions: list[Box]
    images: Box
    live: Box
    kept: dict[str, Box]
    bottom: float


def layout(model: Model) -> Layout:
    """Return where everything is."""
    names = [n for n in ("dashboard", "logs", "alarms", "topic") if n in model.nodes]
    headed = 39 + HEADING_LINE * (len(_heading(model)) - 1)
    record = max(72, height(model.nodes["record"], 236))
    row = max(110, headed + record, len(names) * (WATCH_HEIGHT + WATCH_GAP) - WATCH_GAP)
    top = TOP + 18
    watch = {
        name: Box(894, top + n * (WATCH_HEIGHT + WATCH_GAP), 168, WATCH_HEIGHT)
        for n, name in enumerate(names)
    }
    steps = model.actions()
    width = (LANE_WIDTH - 32 - ACTION_GAP * (len(steps) - 1)) / len(steps)
    high = max(78.0, *(height(step, width, icon_size=ACTION_ICON) for step in steps))
    lane = Box(192, top + row + 26, LANE_WIDTH, high + 68)
    actions = [
        Box(lane.x + 16 + n * (width + ACTION_GAP), lane.y + 54, width, high)
        for n in range(len(steps))
    ]
    first, last = actions[0], actions[-1]
    images = Box(actions[1].x, lane.bottom + 40, last.right - actions[1].x, 92)
    kept_names = [name for name in ("artifacts", "secret") if name in model.nodes]
    kept_width = first.w + ACTION_GAP - 6
    kept = {
        name: Box(first.x, images.y + n * 49, kept_width, 43) for n, name in enumerate(kept_names)
    }
    return Layout(
        record=Box(192, max(top + headed, top + (row - record) / 2), 236, record),
        service=Box(520, top, 350, row),
        watch=watch,
        lane=lane,
        actions=actions,
        images=images,
        live=Box(last.right - LIVE_WIDTH - 12, images.y + 12, LIVE_WIDTH, images.h - 24),
        kept=kept,
        bottom=images.bottom + 20,
    )


def _heading(model: Model) -> list[str]:
    return wrapped(model.stacks[Part.SERVICE], SIZES["stack"], HEADING_WIDTH, bold=True)


def draw_service(canvas: Canvas, model: Model, at: Layout) -> None:
    """Draw the service stack."""
    outline = [
        (LEFT, at.bottom), (LEFT, TOP), (ARM.x, TOP), (ARM.x, ARM.y), (RIGHT, ARM.y),
        (RIGHT, at.bottom),
    ]  # fmt: skip
    canvas.area(outline, "service", 14)
    for number, line in enumerate(_heading(model)):
        y = TOP + 27 + number * HEADING_LINE
        canvas.text(line, HEADING, y, "stack", style="service-ink")
    canvas.text("what runs, and how it ships", HEADING, y + 19, "small", style="faint")
    _draw_tasks(canvas, model)
    card(canvas, model.nodes["record"], at.record)
    card(canvas, model.nodes["service"], at.service, icon_size=48)
    for name, box in at.watch.items():
        card(canvas, model.nodes[name], box, icon_size=30)
    _draw_lane(canvas, model, at)


def task_spots(model: Model) -> list[tuple[float, float]]:
    """Return the middles of the icons of the drawn tasks."""
    return [
        (cell.private.cx + (n - (zone.tasks - 1) / 2) * 56, ARM.y + 38)
        for zone, cell in zip(model.zones, cells(model), strict=True)
        for n in range(zone.tasks)
    ]


def commit_box(model: Model, at: Layout) -> Box:
    """Return where the commit is drawn: outside, level with the actions."""
    first, width = at.actions[0], 140
    lines = _lines(model.nodes["commit"], width - PADDING)
    high = max(first.h + 68, 46 + LINE * len(lines) + 2 * PADDING)
    return Box(16, first.cy - high / 2, width, high)


def _draw_tasks(canvas: Canvas, model: Model) -> None:
    tasks = model.nodes["tasks"]
    for x, y in task_spots(model):
        canvas.icon(tasks.icon, x - TASK_ICON / 2, y - TASK_ICON / 2, TASK_ICON)
        canvas.text(tasks.title, x, y + TASK_ICON / 2 + 16, "small", anchor="middle")


def _draw_lane(canvas: Canvas, model: Model, at: Layout) -> None:
    canvas.rect(at.lane, "lane", 10)
    pipeline = model.nodes["pipeline"]
    canvas.icon(pipeline.icon, at.lane.x + 16, at.lane.y + 11, 30)
    end = canvas.text(pipeline.title, at.lane.x + 56, at.lane.y + 31, "title")
    canvas.text(" ".join(pipeline.details), end + 10, at.lane.y + 31, "small", style="faint")
    upright_card(canvas, model.nodes["commit"], commit_box(model, at))
    for node, box in zip(model.actions(), at.actions, strict=True):
        card(canvas, node, box, icon_size=ACTION_ICON)
    for name, box in at.kept.items():
        card(canvas, model.nodes[name], box, icon_size=26)
    card(canvas, model.nodes["images"], at.images, icon_size=48)
    if live := model.nodes.get("live"):
        card(canvas, live, at.live, icon_size=34)


def numbered(model: Model, at: Layout) -> list[tuple[Node, Box]]:
    """Return the nodes on the path of a commit with their boxes."""
    return [
        (model.nodes["commit"], commit_box(model, at)),
        *zip(model.actions(), at.actions, strict=True),
    ]
