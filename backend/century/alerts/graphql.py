"""What is wrong now, in the schema."""
