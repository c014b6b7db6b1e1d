"""Measurements of the blueprint, reproducible with ``make bench``."""
