"""Day two in a word: look at a deployed service, deliver, return to an older image.

Every name comes from the settings; nothing is kept here. On AWS, or where AWS_ENDPOINT_URL says.
"""
