"""How this package replaces names of MiniStack, and what its code gets from there."""
