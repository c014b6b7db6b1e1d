"""Application Auto Scaling: scalable targets and scaling policies."""
