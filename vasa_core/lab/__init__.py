"""The laboratory: everything that makes or measures weights; not part of the published archive."""
