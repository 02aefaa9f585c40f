"""Century: what a web service says of itself, what is wrong, and who is told."""
