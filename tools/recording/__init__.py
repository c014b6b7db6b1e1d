"""The recording of the README, made of real runs: ``python -m tools.recording``."""
