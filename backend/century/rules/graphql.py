"""What counts as wrong, in the schema."""
