"""A server of the Text Completions API: the app, and HTTP below it."""
