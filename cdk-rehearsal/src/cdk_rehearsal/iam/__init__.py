"""IAM: decides for every call of a user or role whether its policies allow it, as AWS does."""
