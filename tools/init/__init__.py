"""Reads a repository and writes the settings of its service: ``make init SOURCE=../orders``.

It runs nothing of the repository. ``repository`` asks git about it, ``dockerfile`` reads what the
image says about itself, ``copilot`` reads the manifest of a Copilot service if there is one,
``proposal`` makes settings from them, and ``__main__`` writes the file.
"""
