"""Learned scorers: how well lips fit the sound, and how well a head moves to it."""
