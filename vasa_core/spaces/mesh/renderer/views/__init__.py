"""Further photos of the same person: registered, weighed and blended."""
