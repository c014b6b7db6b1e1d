"""The gateways, and the routes of the private subnets to the internet."""

from picture.canvas import Canvas
from picture.cards import icon
from picture.core_panel import VPC, cells
from picture.model import Model


def draw_way_out(canvas: Canvas, model: Model) -> None:
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
