"""The acts of the rehearsal, in the order in which ``rehearsal.__main__`` plays them."""
