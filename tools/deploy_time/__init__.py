"""What waits for what while a stack is created, as the templates say it."""
