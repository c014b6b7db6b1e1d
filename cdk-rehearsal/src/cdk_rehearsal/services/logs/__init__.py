"""CloudWatch Logs: patterns and metric filters."""
