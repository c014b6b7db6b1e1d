"""How long a deploy takes, on paper: what waits for what, with typical durations."""
