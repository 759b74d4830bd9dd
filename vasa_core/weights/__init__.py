"""Published weight files: which ones are known, and how they are read, checked and imported."""
