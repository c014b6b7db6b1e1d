"""Deliveries: the deployed pipeline, run on this machine with its real commands."""
