"""Failures, rehearsed: each is brought about for real, and nothing may be left half done.

A failing update, and which image the service then runs, is in ``scenarios.live_image``.
"""
