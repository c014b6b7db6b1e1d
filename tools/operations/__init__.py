"""Day two: look at a deployed service, deliver, and return to an older image.

All names come from the settings. The calls go to AWS, or to the address in AWS_ENDPOINT_URL.
"""
