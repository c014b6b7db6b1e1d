"""Where the nodes of the service stack are drawn: a panel with a part inside the subnets."""

from dataclasses import dataclass

from picture import core_panel
from picture.canvas import Box, Canvas
from picture.cards import card, height, upright_card
from picture.model import Model, Node, Part

LEFT, RIGHT, TOP = 176, 1090, 428
ARM = Box(504, 262, RIGHT - 504, TOP - 262)
"""The part of the panel that reaches into the private subnets."""
HEADING = 224
"""Right of the line from the name to the namespace."""
GUTTER = 1077
"""Where the line from the live image to the tasks runs."""
WATCH_HEIGHT, WATCH_GAP = 46, 13
TASK_ICON = 44
LANE_WIDTH, ACTION_GAP, ACTION_ICON, LIVE_WIDTH = 870, 34, 36, 166


@dataclass(frozen=True)
class Places:
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


def places(model: Model) -> Places:
    """Return where everything is."""
    names = [n for n in ("dashboard", "logs", "alarms", "topic") if n in model.nodes]
    row = max(110, len(names) * (WATCH_HEIGHT + WATCH_GAP) - WATCH_GAP)
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
    kept = {name: Box(first.x, images.y + n * 49, first.w, 43) for n, name in enumerate(kept_names)}
    return Places(
        record=Box(192, max(top + 39, top + row / 2 - 36), 236, 72),
        service=Box(520, top, 350, row),
        watch=watch,
        lane=lane,
        actions=actions,
        images=images,
        live=Box(last.right - LIVE_WIDTH - 12, images.y + 12, LIVE_WIDTH, images.h - 24),
        kept=kept,
        bottom=images.bottom + 20,
    )


def draw_service(canvas: Canvas, model: Model, at: Places) -> None:
    """Draw the service stack."""
    outline = [
        (LEFT, at.bottom), (LEFT, TOP), (ARM.x, TOP), (ARM.x, ARM.y), (RIGHT, ARM.y),
        (RIGHT, at.bottom),
    ]  # fmt: skip
    canvas.area(outline, "service", 14)
    name = model.stacks[Part.SERVICE]
    canvas.text(name, HEADING, TOP + 27, "stack", style="service-ink")
    canvas.text("what runs, and how it ships", HEADING, TOP + 46, "small", style="faint")
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
        for zone, cell in zip(model.zones, core_panel.cells(model), strict=True)
        for n in range(zone.tasks)
    ]


def commit_box(at: Places) -> Box:
    """Return where the commit is drawn: outside, level with the actions."""
    first = at.actions[0]
    return Box(16, first.y - 34, 140, first.h + 68)


def _draw_tasks(canvas: Canvas, model: Model) -> None:
    tasks = model.nodes["tasks"]
    for x, y in task_spots(model):
        canvas.icon(tasks.icon, x - TASK_ICON / 2, y - TASK_ICON / 2, TASK_ICON)
        canvas.text(tasks.title, x, y + TASK_ICON / 2 + 16, "small", anchor="middle")


def _draw_lane(canvas: Canvas, model: Model, at: Places) -> None:
    canvas.rect(at.lane, "lane", 10)
    pipeline = model.nodes["pipeline"]
    canvas.icon(pipeline.icon, at.lane.x + 16, at.lane.y + 11, 30)
    end = canvas.text(pipeline.title, at.lane.x + 56, at.lane.y + 31, "title")
    canvas.text(" ".join(pipeline.details), end + 10, at.lane.y + 31, "small", style="faint")
    upright_card(canvas, model.nodes["commit"], commit_box(at))
    for node, box in zip(model.actions(), at.actions, strict=True):
        card(canvas, node, box, icon_size=ACTION_ICON)
    for name, box in at.kept.items():
        card(canvas, model.nodes[name], box, icon_size=26)
    card(canvas, model.nodes["images"], at.images, icon_size=48)
    if live := model.nodes.get("live"):
        card(canvas, live, at.live, icon_size=34)


def numbered(model: Model, at: Places) -> list[tuple[Node, Box]]:
    """Return the nodes on the path of a commit with their boxes."""
    return [(model.nodes["commit"], commit_box(at)), *zip(model.actions(), at.actions, strict=True)]
