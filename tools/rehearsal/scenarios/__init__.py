"""The scenarios of the rehearsal: what happens to a service from its first day to its last."""
