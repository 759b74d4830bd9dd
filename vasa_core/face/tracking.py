"""A face through a video: where it is from frame to frame, and its points without their noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import NoFaceError
from .geometry import eye_distance
from .smoothing import one_euro_filter

if TYPE_CHECKING:
    from .encoder import FaceEncoder

LOST = 0.5  # confidence below which a tracked face is looked for again
STEADY = (0.1, 12.0)  # of the one-euro filter: cut-off at rest, growth with speed; per frame
JUMP = 0.35  # a point that moves further in a frame (in eye distances) tells a cut


class Tracker:
    """Follows one face of a video, frame by frame; call it with (1, 3, H, W).

    Each frame is looked at where the face was before; the detector comes in at the start, where the
    ``face``-th largest is taken, and whenever the confidence drops: then the one nearest to where
    the face was last.
    """

    def __init__(self, encoder: FaceEncoder, face: int = 0):
        self.encoder, self.face = encoder, face
        self.points: Tensor | None = None  # of the frame before, if it showed the face
        self.last: Tensor | None = None  # (2,) where the face was last

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor | None:
        """Points (478, 3), not smoothed, or None when the frame shows no face."""
        points, confidence = None, 0.0
        if self.points is not None:
            points, confidence = self.encoder.landmarks_at(image, self.points)
        if confidence < LOST:
            points = self._look_for(image)
        self.points = points
        if points is not None:
            self.last = points[:, :2].mean(0)
        return points

    def _look_for(self, image: Tensor) -> Tensor | None:
        faces, _ = self.encoder.search(image)
        if self.last is None:
            if self.face >= len(faces):
                return None
            chosen = self.face
        elif len(faces):
            chosen = int((faces.boxes[:, :2] - self.last).norm(dim=1).argmin())
        else:
            return None
        return self.encoder.landmarks_at(image, faces[chosen])[0]


def no_such_face(frames: int, face: int) -> NoFaceError:
    """The error of a video in none of whose frames there are enough faces."""
    if face == 0:
        return NoFaceError(f"No face in any of the {frames} frames of this video.")
    return NoFaceError(
        f"Face {face + 1} was asked for; none of the {frames} frames of this video shows so many."
    )


def smooth_track(points: Tensor) -> Tensor:
    """(T, V, 3) points of one face without their noise, smoothed each way in time: no lag.

    What moves further than ``JUMP`` in a frame is a cut, over which nothing is smoothed.
    """
    units = eye_distance(points)
    steps = (points[1:] - points[:-1]).abs().flatten(1).amax(1)
    cuts = [0, *((steps > JUMP * units[1:]).nonzero().flatten() + 1).tolist(), len(points)]
    shots = [slice(*ends) for ends in zip(cuts, cuts[1:], strict=False)]
    return torch.cat([_smoothed(points[shot], units[shot].median()) for shot in shots])


def _smoothed(points: Tensor, unit: Tensor) -> Tensor:
    measured = points / unit
    there = one_euro_filter(measured, *STEADY)
    back = one_euro_filter(measured.flip(0), *STEADY).flip(0)
    return (there + back) / 2 * unit
