"""Eyes and mouth of a photo as frames show them; of the portrait, and of further photos of it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from .....face.basis import PARTS
from ..geometry.pose import HeadMotion
from ..layers.eyes import Eyeballs
from ..layers.mouth import MouthInside
from ..layers.patch import Layer, Patch, follow
from ..refiner import Refiner
from ..refiner_io import RefinerFrame


class Photo(Protocol):
    """What is drawn from, none of which changes."""

    @property
    def own(self) -> Tensor:
        """(D,) dynamics code that the photo shows."""
        ...

    @property
    def eyes_patch(self) -> Patch | None:
        """Lids; None where nothing but the lips is going to move."""
        ...

    @property
    def eyes(self) -> Eyeballs | None:
        """What lies behind them; None where they are."""
        ...

    @property
    def mouth_patch(self) -> Patch:
        """Lips."""
        ...

    @property
    def mouth(self) -> MouthInside:
        """What lies behind them."""
        ...

    @property
    def refiner_frame(self) -> RefinerFrame:
        """How the refiner sees the mouth."""
        ...


def draw_eyes(
    photo: Photo, origin: Tensor, weights: Tensor, motion: HeadMotion, dynamics: Tensor
) -> Layer:
    """Both eyes in B frames: lids over eyeballs.

    Args:
        origin: (3,) of the canonical mesh in the photo.
        weights: (B, C) of the photo's blendshapes.
        motion: of its head.
        dynamics: (B, D) codes.

    Raises:
        ValueError: the photo was prepared without eyes.
    """
    patch, eyes = photo.eyes_patch, photo.eyes
    if patch is None or eyes is None:
        raise ValueError("draw_eyes got a photo prepared for its lips only; prepare it with eyes.")
    opened = follow(patch, weights, motion)
    gaze = (dynamics - photo.own)[:, PARTS["gaze"]]
    inside = eyes.paint(patch, opened.pixels, motion, origin, gaze)
    return opened.closed_by(inside, patch.window.border)


def draw_mouth(
    photo: Photo,
    origin: Tensor,
    weights: Tensor,
    motion: HeadMotion,
    dynamics: Tensor,
    refiner: Refiner | None = None,
) -> Layer:
    """The mouth in B frames: lips over what lies between them; arguments as of ``draw_eyes``.

    With a ``refiner`` what is drawn is finished by it.
    """
    opened = follow(photo.mouth_patch, weights, motion)
    lips = dynamics[:, PARTS["lips"]]
    inside = photo.mouth.paint(photo.mouth_patch, opened, motion, origin, lips)
    layer = opened.closed_by(inside, photo.mouth_patch.window.border)
    if refiner is None:
        return layer
    frame = photo.refiner_frame
    strength = frame.strength(weights, lips @ photo.mouth.jaw)
    return frame.add(refiner, photo.mouth_patch, opened, layer, strength, motion, origin)
