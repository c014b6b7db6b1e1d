"""A service and its delivery: image repository, discoverable service, pipeline."""
