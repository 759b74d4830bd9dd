"""Weight files that others published: which there are, reading, checking and importing them."""
