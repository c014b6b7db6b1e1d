"""A small HTTP service that says which task answered, and leaves without dropping a request."""
