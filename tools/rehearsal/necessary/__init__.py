"""Deliveries without each of the grants that they use: each fails, and names what is missing."""
