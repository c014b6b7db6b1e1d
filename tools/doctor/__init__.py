"""The doctor: asks an AWS account, before a deploy, about what usually goes wrong.

The command (`__main__`) knows which questions a settings file raises and prints a line for every
result. Each question is a `Check`; the other files hold them by subject. Nothing is created or
changed, and no secret is printed.
"""
