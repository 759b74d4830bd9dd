"""The stages put together, from files to files: animate, dub, dialogue, expression, figures."""
