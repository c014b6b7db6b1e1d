"""The architecture picture, drawn from the synthesised templates: ``python -m picture``."""
