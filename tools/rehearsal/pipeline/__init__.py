"""One delivery, played: the pipeline of the local AWS with its real commands."""
