"""A language model that needs nothing: the model, its WSGI app, the way there."""
