"""A small property-tax web service, watched like any user's application: what `century up --demo` shows."""
