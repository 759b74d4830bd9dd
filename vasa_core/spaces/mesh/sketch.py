"""A mesh motion drawn without a portrait."""

from __future__ import annotations

from ...face import sketch as faces
from ...face.basis import FaceBasis
from ...types import Motion, MotionSketch
from .tracking import relative_motion


def sketch(motion: Motion, basis: FaceBasis) -> MotionSketch:
    """Curves and line drawings of a mesh motion; a "camera" one from its own first frame."""
    return faces.sketch(relative_motion(motion), basis)
