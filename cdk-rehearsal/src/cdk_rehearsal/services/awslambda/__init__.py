"""Lambda: functions for Node and Python."""

ATTEMPTS = 3
"""How often Lambda runs a function that fails after an asynchronous call.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""
