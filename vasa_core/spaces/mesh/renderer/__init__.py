"""Renders a portrait by warping the photo itself along its face mesh; no learned network."""
