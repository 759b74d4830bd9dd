"""Marks the files that this project writes as AI-generated."""
