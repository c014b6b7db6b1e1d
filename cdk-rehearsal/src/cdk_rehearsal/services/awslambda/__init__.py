"""Lambda: functions for Node that CloudFormation calls."""
