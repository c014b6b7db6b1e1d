"""What an update of this project does to stacks that an earlier revision has deployed."""
