"""The pictures of the stacks: two drawings with blanks, which ``python -m tools.diagram`` fills."""
