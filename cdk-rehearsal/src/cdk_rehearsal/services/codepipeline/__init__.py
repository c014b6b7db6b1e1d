"""CodePipeline: pipelines, webhooks and executions."""
