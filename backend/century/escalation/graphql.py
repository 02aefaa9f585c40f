"""Whom to reach next, in the schema."""
