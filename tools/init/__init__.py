"""Reads a repository and writes the settings of its service: ``make init SOURCE=../orders``.

Nothing of the repository is run. ``repository`` asks git about it, ``dockerfile`` reads what the
image says of itself, ``proposal`` makes settings of both, and ``__main__`` asks for what is missing
and writes the file.
"""
