"""Renders a portrait by warping the photo itself along its face mesh; no learned network."""

from .appearance import MeshAppearance, prepare
from .drivers import own_expression
from .render import RenderedRegion, render, render_region

__all__ = [
    "MeshAppearance",
    "RenderedRegion",
    "own_expression",
    "prepare",
    "render",
    "render_region",
]
