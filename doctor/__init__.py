"""The doctor: asks an AWS account, before a deploy, about what usually goes wrong.

`plan` knows which questions a settings file raises, each of them is a `Check` in `checks`, and
`report` prints a line for every answer. Nothing is created or changed, and no secret is printed.
"""
