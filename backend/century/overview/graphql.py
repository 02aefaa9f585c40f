"""The status page in the schema."""
