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
    """What is drawn from: ``own`` is the (D,) dynamics code that the photo shows."""

    own: Tensor
    eyes_patch: Patch
    eyes: Eyeballs
    mouth_patch: Patch
    mouth: MouthInside
    refiner_frame: RefinerFrame


def draw_eyes(
    photo: Photo, origin: Tensor, weights: Tensor, motion: HeadMotion, dynamics: Tensor
) -> Layer:
    """Both eyes in B frames: lids over eyeballs.

    Args:
        origin: (3,) of the canonical mesh in the photo.
        weights: (B, C) of the photo's blendshapes.
        motion: of its head.
        dynamics: (B, D) codes.
    """
    opened = follow(photo.eyes_patch, weights, motion)
    gaze = (dynamics - photo.own)[:, PARTS["gaze"]]
    inside = photo.eyes.paint(photo.eyes_patch, opened.pixels, motion, origin, gaze)
    return opened.closed_by(inside, photo.eyes_patch.window.border)


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
