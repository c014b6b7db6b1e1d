"""NOT docker: takes its place on the PATH of a rehearsed build, for login, build and push.

It refuses what docker and ECR refuse, as far as a buildspec can run into it, and everything that it
does not know.
"""
