"""CloudWatch Logs: log groups of CloudFormation."""
