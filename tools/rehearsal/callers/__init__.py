"""A benchmark: what callers of a service see during a delivery and a crash."""
