"""What cdk-nag and Checkov find in the stacks, and why it stays. Tests check it, app.py never."""
