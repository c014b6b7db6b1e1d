"""Cloud Map: namespaces, services and instances."""
