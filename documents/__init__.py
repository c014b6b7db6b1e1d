"""Documents in docs/ that programs write parts of."""
