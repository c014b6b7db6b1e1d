"""Where services run: network, cluster, Cloud Map namespaces and the task execution role."""
