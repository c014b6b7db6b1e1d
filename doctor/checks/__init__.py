"""The questions, one topic to a file. Each takes a `Case` and gives an `Answer`."""
