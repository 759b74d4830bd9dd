"""Marks on what the pack writes."""
