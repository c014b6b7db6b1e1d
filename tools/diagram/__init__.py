"""The architecture diagram, drawn from the synthesised templates: ``python -m tools.diagram``."""
