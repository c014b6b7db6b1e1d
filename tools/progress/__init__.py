"""What people see while they wait, on a terminal; in a log it stays quiet.

Needs nothing but Python: it also shows how the packages are installed.
"""
