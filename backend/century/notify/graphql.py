"""How people are reached, in the schema."""
