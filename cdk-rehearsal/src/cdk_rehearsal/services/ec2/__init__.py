"""EC2: the parts of a network."""
