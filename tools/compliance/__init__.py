"""Reviews the stacks with cdk-nag, and explains its findings outside of the app."""
