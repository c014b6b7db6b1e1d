"""The small picture of the first page: what one deploy gives, for a narrow screen."""

from tools.diagram.model import Edge, Flow, Model, Node, Part
from tools.diagram.panels import LINE, icon, upright_card
from tools.diagram.svg import SIZES, Box, Canvas, document, width, wrapped

WIDTH = 360
_MARGIN = 14
_CALLER = Box(_MARGIN, 0, 118, 0)
_SERVICE = Box(188, 0, WIDTH - _MARGIN - 188, 0)
_TASK_ICON, _MOST_TASKS = 30, 4
_STEP_WIDTH, _STEP_HEIGHT, _STEP_GAP, _STEP_ICON = 312, 36, 17, 24
_OUTER = _MARGIN + _STEP_WIDTH + 11
"""Where the lines run that leave the path of a commit."""


def paint_overview(model: Model) -> tuple[Canvas, float]:
    """Paint the picture; return the canvas and the height."""
    picture = _Overview(model)
    return picture.canvas, picture.height


def overview_svg(model: Model) -> str:
    """Return the picture."""
    canvas, height = paint_overview(model)
    title = "A service that others find by its name, and the path of a commit to it"
    return document(canvas, WIDTH, height, title)


def _even(text: str, available: int) -> list[str]:
    """Break a text into lines that are about as long as each other, and no more than are needed."""
    lines = wrapped(text, SIZES["small"], available)
    for narrower in range(available, 0, -4):
        tried = wrapped(text, SIZES["small"], narrower)
        if len(tried) > len(lines):
            break
        lines = tried
    return lines


class _Overview:
    def __init__(self, model: Model) -> None:
        self.canvas, self._model = Canvas(), model
        top = self._address()
        service = self._service(top)
        self._caller(Box(_CALLER.x, service.y, _CALLER.w, service.h), service)
        steps = self._steps(service.bottom + 42)
        self._rolled_out(steps, service)
        self.height = self._live(steps) + _MARGIN
        page = Box(0.5, 0.5, WIDTH - 1, self.height - 1)
        self.canvas.rect(page, "page", 12)
        self.canvas.elements.insert(0, self.canvas.elements.pop())

    def _address(self) -> float:
        """Write under which names the service is found; return where the rest begins."""
        y = 12.0
        caller = self._model.nodes.get("caller")
        for address in caller.details if caller else ():
            for line in _even(f"http://{address}", WIDTH - 2 * _MARGIN):
                y += LINE
                self.canvas.text(line, WIDTH / 2, y, "small", style="call-ink", anchor="middle")
        return y + 12

    def _service(self, top: float) -> Box:
        node, tasks = self._model.nodes["service"], self._model.nodes["tasks"]
        room = _SERVICE.w - 16
        lines = [
            (line, "title", "") for line in wrapped(node.title, SIZES["title"], room, bold=True)
        ]
        lines += [
            (line, "small", "faint") for line in wrapped(node.details[0], SIZES["small"], room)
        ]
        box = Box(_SERVICE.x, top, _SERVICE.w, _TASK_ICON + LINE * len(lines) + 30)
        self.canvas.rect(box, "card")
        count = min(_MOST_TASKS, sum(zone.tasks for zone in self._model.zones))
        for number in range(count):
            x = box.cx + (number - (count - 1) / 2) * (_TASK_ICON + 8) - _TASK_ICON / 2
            self.canvas.icon(tasks.icon, x, top + 11, _TASK_ICON)
        y = top + 11 + _TASK_ICON + 20
        for line, kind, style in lines:
            self.canvas.text(line, box.cx, y, kind, style=style, anchor="middle")
            y += LINE
        return box

    def _caller(self, box: Box, service: Box) -> None:
        if caller := self._model.nodes.get("caller"):
            plain = Node(name="caller", part=Part.OTHERS, icon=caller.icon, title=caller.title)
            upright_card(self.canvas, plain, box)
        for edge in self._model.edges:
            if (edge.source, edge.target) == ("caller", "tasks"):
                self.canvas.line([(box.right + 3, box.cy), (service.x - 3, box.cy)], edge.flow)
                self._label(edge, (box.right + service.x) / 2, box.cy - 8, anchor="middle")

    def _steps(self, top: float) -> dict[str, Box]:
        """Draw the path of a commit; that the pipeline takes it in is no step for the eye."""
        steps = [self._model.nodes["commit"], *self._model.actions()[1:]]
        boxes = {}
        for number, step in enumerate(steps):
            y = top + number * (_STEP_HEIGHT + _STEP_GAP)
            boxes[step.name] = box = Box(_MARGIN, y, _STEP_WIDTH, _STEP_HEIGHT)
            self.canvas.rect(box, "others" if step.part is Part.OTHERS else "card")
            icon(self.canvas, step.icon, box.x + 10, box.cy - _STEP_ICON / 2, _STEP_ICON)
            end = self.canvas.text(step.title, box.x + 46, box.cy + 5, "title")
            detail = step.details[-1] if step.name == "commit" else " ".join(step.details)
            if end + 10 + width(detail, SIZES["small"]) < box.right - 6:
                self.canvas.text(detail, end + 10, box.cy + 5, "small", style="faint")
            if number:
                x = box.x + 10 + _STEP_ICON / 2
                self.canvas.line([(x, y - _STEP_GAP), (x, y - 2)], Flow.COMMIT)
        return boxes

    def _rolled_out(self, steps: dict[str, Box], service: Box) -> None:
        for edge in self._model.edges:
            if edge.target == "service" and edge.source in steps:
                box = steps[edge.source]
                points = [(box.right, box.cy), (_OUTER, box.cy), (_OUTER, service.bottom + 3)]
                self.canvas.line(points, edge.flow)
                self._label(edge, _OUTER - 12, service.bottom + 25, anchor="end")

    def _live(self, steps: dict[str, Box]) -> float:
        """Draw the tag that the last step moves; return where the picture ends."""
        bottom = max(box.bottom for box in steps.values())
        for edge in self._model.edges:
            if edge.target == "live" and edge.source in steps:
                box, live = steps[edge.source], self._model.nodes["live"]
                to = Box(_MARGIN, bottom + 38, WIDTH - 2 * _MARGIN, _STEP_HEIGHT)
                self.canvas.line(
                    [(box.right, box.cy), (_OUTER, box.cy), (_OUTER, to.y - 3)], edge.flow
                )
                self._label(edge, _OUTER - 12, (bottom + to.y) / 2 + 5, anchor="end")
                self.canvas.rect(to, "card")
                icon(self.canvas, live.icon, to.x + 10, to.cy - _STEP_ICON / 2, _STEP_ICON)
                end = self.canvas.text(live.title, to.x + 46, to.cy + 5, "title")
                words = " ".join(live.details)
                self.canvas.text(words, end + 10, to.cy + 5, "small", style="faint")
                bottom = to.bottom
        return bottom

    def _label(self, edge: Edge, x: float, y: float, *, anchor: str) -> None:
        self.canvas.text(edge.label, x, y, "small", style=f"{edge.flow}-ink", anchor=anchor)
