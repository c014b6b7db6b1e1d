"""A comparison of our evaluator with an independent one, which only `make iam-oracle` installs."""
