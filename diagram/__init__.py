"""The architecture diagram, drawn from the synthesised templates: ``python -m diagram``."""
