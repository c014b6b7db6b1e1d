"""From the model to the SVG: the panels, and a line for every edge of the model."""

from collections.abc import Callable, Sequence

from tools.diagram import panels
from tools.diagram.model import Edge, Flow, Model
from tools.diagram.panels import (
    GUTTER,
    TASK_ICON,
    Layout,
    draw_caller,
    draw_core,
    draw_egress,
    draw_service,
    layout,
)
from tools.diagram.svg import Box, Canvas, Point, document

WIDTH = 1120
LEGEND = (
    (Flow.COMMIT, "path of a commit"),
    (Flow.CALL, "call by name"),
    (Flow.USE, "use"),
)


def paint(model: Model) -> tuple[Canvas, float]:
    """Paint the diagram; return the canvas and the height."""
    canvas, at = Canvas(), layout(model)
    height = at.bottom + 48
    canvas.rect(Box(0.5, 0.5, WIDTH - 1, height - 1), "page", 16)
    draw_core(canvas, model)
    draw_egress(canvas, model)
    draw_caller(canvas, model)
    draw_service(canvas, model, at)
    _draw_edges(canvas, model, at)
    _legend(canvas, at.bottom + 24)
    return canvas, height


def svg(model: Model) -> str:
    """Return the diagram, with the model that it was made from in its metadata."""
    canvas, height = paint(model)
    title = " and ".join(model.stacks.values())
    return document(canvas, WIDTH, height, title, metadata=model.as_json())


def _legend(canvas: Canvas, y: float) -> None:
    x = 24.0
    for flow, words in LEGEND:
        canvas.line([(x, y), (x + 40, y)], flow)
        x = canvas.text(words, x + 50, y + 4.5, "small", style="faint") + 30
    note = "drawn from the synthesised templates by make diagram"
    canvas.text(note, WIDTH - 24, y + 4.5, "small", style="faint", anchor="end")


CORE_PANEL_DRAWS = frozenset(
    {("vpc", "nat"), ("nat", "internet"), ("vpc", "internet"), ("vpc", "flow-logs")}
)
"""Edges drawn with the core panel and the egress, one line for each subnet."""


def _draw_edges(canvas: Canvas, model: Model, at: Layout) -> None:
    """Draw the edges, the path of a commit last and so above the others."""
    lines = _Lines(canvas, model, at)
    for edge in sorted(model.edges, key=lambda edge: edge.flow is Flow.COMMIT):
        if (edge.source, edge.target) not in CORE_PANEL_DRAWS:
            lines.draw(edge)
    for node, box in panels.numbered(model, at):
        canvas.badge(node.step or 0, box.x + 2, box.y + 2)


class _Lines:
    def __init__(self, canvas: Canvas, model: Model, at: Layout) -> None:
        self._canvas, self._model, self._at = canvas, model, at
        self._boxes = (
            {f"{node.name}": box for node, box in panels.numbered(model, at)}
            | at.watch
            | {"images": at.images, "live": at.live}
        )

    def draw(self, edge: Edge) -> None:
        known: dict[tuple[str, str], Callable[[Edge], None]] = {
            ("caller", "tasks"): self._call,
            ("caller", "namespace"): self._ask,
            ("record", "namespace"): self._name,
            ("service", "record"): self._register,
            ("service", "tasks"): self._run,
            ("service", "logs"): self._across,
            ("service", "alarms"): self._across,
            ("live", "tasks"): self._start,
            ("pipeline", "artifacts"): self._keep,
            ("commit", "secret"): self._sign,
        }
        if draw := known.get((edge.source, edge.target)):
            draw(edge)
        elif edge.target in {"images", "live"}:
            self._down(edge)
        elif edge.target == "service":
            self._up(edge)
        elif edge.flow is Flow.COMMIT:
            self._next_step(edge)
        elif {edge.source, edge.target} <= self._at.watch.keys():
            self._watch(edge)
        elif edge.target == "topic":
            self._report(edge)
        else:
            raise ValueError(f"The diagram has no line from {edge.source} to {edge.target}")

    def _call(self, edge: Edge) -> None:
        x, y = panels.task_spots(self._model)[0]
        start = panels.caller_box().right + 3
        self._line(edge, [(start, y), (x - TASK_ICON / 2 - 3, y)])
        self._label(edge, (start + panels.ARM.x) / 2, y - 8, anchor="middle")

    def _ask(self, edge: Edge) -> None:
        box, namespace = panels.caller_box(), panels.namespace_box(self._model)
        y = box.bottom - 14
        self._line(edge, [(box.x - 3, y), (namespace.right + 3, y)])
        self._label(edge, (box.x + panels.VPC.x) / 2, y - 7, anchor="middle")

    def _name(self, edge: Edge) -> None:
        namespace = panels.namespace_box(self._model)
        x = panels.HEADING - 16
        self._line(edge, [(x, self._at.record.y), (x, namespace.bottom + 3)])

    def _register(self, edge: Edge) -> None:
        y = self._at.record.cy
        self._line(edge, [(self._at.service.x, y), (self._at.record.right + 3, y)])
        self._label(
            edge, (self._at.service.x + self._at.record.right) / 2 + 2, y - 8, anchor="middle"
        )

    def _run(self, edge: Edge) -> None:
        bus = panels.TOP - 9
        box = self._at.service
        self._label(edge, box.cx + 9, box.y - 6)
        for x, y in panels.task_spots(self._model):
            self._line(
                edge, [(box.cx, box.y), (box.cx, bus), (x, bus), (x, y + TASK_ICON / 2 + 22)]
            )

    def _across(self, edge: Edge) -> None:
        box = self._at.watch[edge.target]
        self._line(edge, [(self._at.service.right, box.cy), (box.x - 3, box.cy)])

    def _watch(self, edge: Edge) -> None:
        source, target = self._at.watch[edge.source], self._at.watch[edge.target]
        x = source.x + 27
        ends = (
            (source.bottom, target.y - 2) if source.y < target.y else (source.y, target.bottom + 2)
        )
        self._line(edge, [(x, end) for end in ends])

    def _report(self, edge: Edge) -> None:
        topic, lane = self._at.watch["topic"], self._at.lane
        self._line(edge, [(topic.cx, lane.y), (topic.cx, topic.bottom + 3)])
        self._label(edge, topic.cx + 8, (lane.y + topic.bottom) / 2 + 5)

    def _start(self, edge: Edge) -> None:
        x, y = panels.task_spots(self._model)[-1]
        box = self._at.images
        self._line(
            edge, [(box.right, box.cy), (GUTTER, box.cy), (GUTTER, y), (x + TASK_ICON / 2 + 3, y)]
        )

    def _keep(self, edge: Edge) -> None:
        box, lane = self._at.kept["artifacts"], self._at.lane
        self._line(edge, [(box.cx, lane.bottom), (box.cx, box.y - 3)])

    def _sign(self, edge: Edge) -> None:
        box, secret = self._boxes["commit"], self._at.kept["secret"]
        self._line(edge, [(box.cx, box.bottom), (box.cx, secret.cy), (secret.x - 3, secret.cy)])
        self._label(edge, box.cx + 9, (box.bottom + secret.cy) / 2 + 5)

    def _down(self, edge: Edge) -> None:
        box, target = self._boxes[edge.source], self._boxes[edge.target]
        self._line(edge, [(box.cx, box.bottom), (box.cx, target.y - 4)])
        self._label(edge, box.cx + 9, self._at.lane.bottom + 24)

    def _up(self, edge: Edge) -> None:
        box, service = self._boxes[edge.source], self._at.service
        self._line(edge, [(box.cx, box.y), (box.cx, service.bottom + 4)])
        self._label(edge, box.cx + 9, (self._at.lane.y + service.bottom) / 2 + 5)

    def _next_step(self, edge: Edge) -> None:
        box, target = self._boxes[edge.source], self._boxes[edge.target]
        self._line(edge, [(box.right, target.cy), (target.x - 4, target.cy)])

    def _line(self, edge: Edge, points: Sequence[Point]) -> None:
        self._canvas.line(points, edge.flow)

    def _label(self, edge: Edge, x: float, y: float, *, anchor: str = "start") -> None:
        self._canvas.text(edge.label, x, y, "small", style=f"{edge.flow}-ink", anchor=anchor)
