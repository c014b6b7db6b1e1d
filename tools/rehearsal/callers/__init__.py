"""A benchmark: what callers of a service see during a delivery, a bad version and a crash."""
