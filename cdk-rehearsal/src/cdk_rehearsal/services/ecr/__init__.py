"""ECR: repositories and their images."""
