"""What a configuration costs in a month.

The resources are counted in the templates that `app.py` makes of the settings (`templates`), priced
by their type (`tariff`) from one dated table (`prices.toml`), and printed (`report`). Nothing is
asked of AWS.
"""
