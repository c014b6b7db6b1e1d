"""What the local AWS changes in MiniStack, a folder for each AWS service."""
