"""The rehearsal of the user's own service: their settings, and what they have committed.

No step knows the sample. What the image does is judged by what the settings say of it (its port,
its health check); what it lacks is said as whoever develops it would want to hear it.
"""
