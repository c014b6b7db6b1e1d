"""CloudFormation: the ends of its operations, and exports."""
