"""Measures how long a synthesis takes, compared with an empty CDK app."""
