"""Ditto's public motion model for the implicit space (Li et al. 2024)."""
