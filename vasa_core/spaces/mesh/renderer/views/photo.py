"""More photos of the person: what one photo cannot show is taken from those that show it.

A view is another photo, laid over the portrait (``registration``), in its colours (``colours``) and
cut into parts (``parts``): skin, eyes and mouth. Each part is warped to a frame by the same means
as the portrait itself. ``view_weights`` says how much of a part a frame takes from each photo.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..geometry.blendshapes import LipGap
from ..geometry.pose import HeadMotion
from ..geometry.texture import Texture
from ..geometry.window import Window
from ..layers.eyes import Eyeballs
from ..layers.mouth import MouthInside
from ..layers.patch import Layer, Patch
from ..refiner_io import RefinerFrame
from .view_weights import ViewWeighting


@dataclass(frozen=True, slots=True)
class Skin:
    """The face without eyes and mouth: a window with one side, and colour (3) and mask in it."""

    window: Window
    texture: Texture


@dataclass(frozen=True, slots=True, repr=False)
class FaceView:
    """Another photo of the person, in working pixels of the portrait and on its origin.

    turn    (3, 3)  from the photo's own rotation to the portrait's
    own     (D,)    dynamics code that the photo shows, measured as the portrait's codes are
    lip_gap         tells when lips would overlap
    The weights of the patches' upper textures are the masks of eyes and mouth.
    """

    turn: Tensor
    own: Tensor
    lip_gap: LipGap
    skin: Skin
    eyes_patch: Patch
    eyes: Eyeballs
    mouth_patch: Patch
    mouth: MouthInside
    refiner_frame: RefinerFrame

    def moved(self, motion: HeadMotion) -> HeadMotion:
        """The motion of the portrait's head as motion from this photo."""
        return HeadMotion(motion.matrix @ self.turn, motion.shift)


@dataclass(frozen=True, slots=True, repr=False)
class Views:
    """All further photos of a portrait, and what weighs them against it."""

    photos: tuple[FaceView, ...]
    weighting: ViewWeighting


def draw_skin(view: FaceView, weights: Tensor, motion: HeadMotion, _: Tensor) -> Layer:
    """The skin of a view in B frames.

    Args:
        weights: (B, C) of the view's blendshapes.
        motion: of the head, from this photo.
        _: codes, which the weights stand for.
    """
    window, texture = view.skin.window, view.skin.texture
    pixels, offsets = window.follow(weights, motion)
    found = texture.sample(pixels + offsets[:, :, 0])
    return Layer(pixels, found[:, :, :3], found[:, :, 3] * window.border)
