"""SNS: topic policies."""
