"""A language model that needs nothing: n-grams of Python's own documentation."""
