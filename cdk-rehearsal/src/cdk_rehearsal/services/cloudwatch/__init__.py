"""CloudWatch: alarms."""
