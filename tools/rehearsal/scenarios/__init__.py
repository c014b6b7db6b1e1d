"""The acts of the rehearsal, in the order in which ``tools.rehearsal.__main__`` plays them."""
