"""Renders a portrait by warping the photo itself along its face mesh; a net refines the mouth.

``prepare`` makes a portrait ready, ``render`` draws its frames, ``refiner`` is the net. Numbers for
which nothing else is said were chosen by hand.
"""
