"""Frames of a moving portrait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ....face.basis import PARTS
from ....face.geometry import own_roll, rotation_angles, rotation_matrix
from ....types import View
from .appearance import MeshAppearance
from .geometry.blendshapes import LipGap, limit_codes
from .geometry.lattice import enlarge
from .geometry.pose import HeadMotion, head_motion
from .layers.eyes import lid_closure, lid_position
from .layers.patch import paste
from .refiner import Refiner
from .views.blend import blend
from .views.draw import draw_eyes, draw_mouth

SHUT = 0.9  # lids that are closed further cannot be opened


@dataclass(frozen=True, slots=True)
class RenderedRegion:
    """The part of B frames that moves.

    pixels (B, 3, h, w)  of the working picture, 0..1
    matte  (B, 1, h, w)  how much of each pixel belongs to the moving layer, 0..1
    """

    pixels: Tensor
    matte: Tensor


class Expressive(Protocol):
    """What of a photo its blendshapes' weights follow from, none of which changes."""

    @property
    def own(self) -> Tensor:
        """(D,) dynamics code that the photo shows."""
        ...

    @property
    def lip_gap(self) -> LipGap:
        """Tells when lips would overlap."""
        ...


def blendshape_weights(photo: Expressive, dynamics: Tensor) -> Tensor:
    """(B, D) dynamics codes to the (B, C) weights of a photo's blendshapes.

    The lips code is measured from closed lips: a photo with open lips is closed first, fully at a
    code of zero and not at all at the code that the photo itself stands for.
    """
    own, (blink, gaze) = photo.own, (PARTS["blink"], PARTS["gaze"])
    lids = lid_position(own[None, blink], own[None, gaze]).clamp(max=SHUT)
    closure = lid_closure(dynamics[:, blink], dynamics[:, gaze], lids)
    offset, own_lips = dynamics - own, own[PARTS["lips"]]
    open_share = dynamics[:, PARTS["lips"]] @ own_lips / own_lips.square().sum().clamp(min=1e-6)
    still_open = 1 - open_share.clamp(0, 1)[:, None]
    parts = [offset[:, PARTS["lips"]], offset[:, PARTS["expression"]], closure, still_open]
    weights = torch.cat([*parts, torch.zeros_like(still_open)], 1)  # (B, 12 + 8 + 2 + 1 + 1)
    weights[:, -1] = photo.lip_gap.overlap(weights)
    return weights


def render_region(
    appearance: MeshAppearance,
    rotation: Tensor,
    translation: Tensor,
    scale: Tensor,
    dynamics: Tensor,
    refiner: Refiner | None = None,
) -> RenderedRegion:
    """The moving part only, at its working size; see ``render`` for the arguments."""
    views = appearance.views
    motion = head_motion(
        rotation,
        translation,
        scale,
        appearance.rotation,
        appearance.unit,
        None if views is None else views.weighting.angles,
    )
    weights = blendshape_weights(appearance, dynamics)  # (B, C)
    pixels, matte = _warp(appearance, weights, motion)
    if views is None:
        known = (appearance, appearance.origin, weights, motion, dynamics)
        if appearance.eyes is not None:
            paste(pixels, draw_eyes(*known))
        paste(pixels, draw_mouth(*known, refiner))
    else:
        level = own_roll(appearance.rotation).mT @ appearance.rotation
        angles = rotation_angles(rotation_matrix(rotation) @ level)  # (B, 3)
        view_weights = views.weighting.weights(angles, dynamics)  # (3, B, K)
        each = [weights, *(blendshape_weights(view, dynamics) for view in views.photos)]
        blend(pixels, appearance, view_weights, each, motion, dynamics, refiner)
    return RenderedRegion(pixels.clamp_(0, 1), matte.clamp(0, 1))


def render(
    appearance: MeshAppearance,
    rotation: Tensor,
    translation: Tensor,
    scale: Tensor,
    dynamics: Tensor,
    view: View = "source",
    alpha: bool = False,
    refiner: Refiner | None = None,
) -> Tensor:
    """Frames of a moving portrait.

    Args:
        rotation: (B, 3) yaw, pitch, roll relative to the photo, degrees.
        translation: (B, 2) shift of the canonical mesh's origin, eye distances.
        scale: (B,) relative to the photo.
        dynamics: (B, D) codes of the mesh space.
        view: the whole source image, or the square close-up ("crop") of the head.
        alpha: add the head's matte as a fourth channel.
        refiner: finishes the mouth; None: it stays as it is drawn.
    Returns:
        (B, 3 or 4, H, W); a copy of the source, bit by bit, where the edit mask is 0.
    """
    moving = render_region(appearance, rotation, translation, scale, limit_codes(dynamics), refiner)
    if view == "crop":
        layers = [moving.pixels, moving.matte] if alpha else [moving.pixels]
        return appearance.close_up.crop(torch.cat(layers, 1))
    source = appearance.image
    if alpha:
        source = torch.cat([source, torch.zeros_like(source[:, :1])], 1)
    frames = source.repeat(len(rotation), 1, 1, 1)
    appearance.compositor.lay(appearance.region.box(frames), moving.pixels, moving.matte)
    return frames


def whole(appearance: MeshAppearance, layer: Tensor) -> Tensor:
    """A layer (1, 1, h, w) of the region in source pixels to (1, H, W): zero around it."""
    picture = torch.zeros_like(appearance.image[0, :1])
    appearance.region.box(picture).copy_(layer[0])
    return picture


def _warp(appearance: MeshAppearance, weights: Tensor, motion: HeadMotion) -> tuple[Tensor, Tensor]:
    """The head over its background, (B, 3, h, w) and the head's matte (B, 1, h, w)."""
    field, region = appearance.field, appearance.region
    moved = field.displacement(weights, motion)  # (B, 1, 1, 2, h', w')
    offsets = field.invert(moved, appearance.target)
    offsets = appearance.head.scaled(offsets)  # while they are few
    offsets = enlarge(offsets, region.height, region.width)  # (B, 1, 1, 2, h, w)
    head = appearance.head.look_up(offsets[:, :, 0].add_(appearance.places))[:, 0]
    matte = head[:, 3:]
    return torch.addcmul(head[:, :3], 1 - matte, appearance.background), matte
