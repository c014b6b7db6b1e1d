"""What runs, and how it ships: image repository, discoverable service, delivery pipeline."""
