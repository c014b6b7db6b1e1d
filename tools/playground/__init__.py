"""A local AWS to play with: the commands of the README against it, until Ctrl-C."""
