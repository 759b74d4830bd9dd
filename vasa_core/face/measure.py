"""What is measured of a face once, and handed to everything that needs it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .geometry import RigidFit


@dataclass(frozen=True, slots=True)
class FaceMeasure:
    """One face in one picture, as ``FaceBasis.measure`` makes it.

    landmarks (V, 3)  in pixels of that picture
    pose              how the canonical mesh lies in it, of one face (B = 1)

    Where there are several pictures, the variable's name says which: ``source`` is the image that a
    portrait is made from, ``working`` the part of it that is rendered, ``photo`` another photo.
    """

    landmarks: Tensor
    pose: RigidFit

    @property
    def unit(self) -> float:
        """Eye distance of the canonical mesh as it lies in the picture, pixels."""
        return self.pose.scale.item()

    @property
    def canonical(self) -> Tensor:
        """(V, 3): the face itself, upright, in eye distances."""
        return self.pose.canonical(self.landmarks[None])[0]

    def to(self, like: Tensor) -> FaceMeasure:
        """The same on the device and in the precision of a tensor."""
        pose = self.pose
        pose = RigidFit(pose.rotation.to(like), pose.scale.to(like), pose.shift.to(like))
        return FaceMeasure(self.landmarks.to(like), pose)
