"""What a configuration costs in a month.

The resources are counted in the templates that `app.py` makes of the settings and priced by their
type (`bill`) from one dated table (`prices`), and printed (`report`). Nothing is asked of AWS.
"""
