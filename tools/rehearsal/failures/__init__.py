"""Rehearsed failures: each step makes something fail, and shows that nothing is left half done.

``scenarios.live_image`` has an update that fails, and the image that the service runs after it.
"""
