"""Frames of a moving portrait."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ....types import View
from ..dynamics import PARTS
from .appearance import MeshAppearance
from .eyes import lid_closure
from .lattice import enlarge
from .patch import follow, paste
from .pose import HeadMotion, head_motion


@dataclass(frozen=True, slots=True)
class RenderedRegion:
    """The part of B frames that moves.

    pixels (B, 3, h, w)  of the working picture, 0..1
    matte  (B, 1, h, w)  how much of each pixel belongs to the moving layer, 0..1
    """

    pixels: Tensor
    matte: Tensor


def drivers(appearance: MeshAppearance, dynamics: Tensor) -> Tensor:
    """(B, D) dynamics codes to (B, C) drivers of the portrait's displacement maps.

    The lips code is measured from closed lips: a photo with open lips is closed first, fully at a
    code of zero and not at all at the code that the photo itself stands for.
    """
    own = appearance.own_lips
    lips = dynamics[:, PARTS["lips"]]
    closure = lid_closure(dynamics[:, PARTS["blink"]], dynamics[:, PARTS["gaze"]])
    open_share = (lips @ own / own.square().sum().clamp(min=1e-6)).clamp(0, 1)
    still_open = 1 - open_share[:, None]
    parts = [lips - own, dynamics[:, PARTS["expression"]], closure, still_open]
    driving = torch.cat([*parts, torch.zeros_like(still_open)], 1)
    driving[:, -1] = appearance.lip_gap.overlap(driving)
    return driving


def render_region(
    appearance: MeshAppearance,
    rotation: Tensor,
    translation: Tensor,
    scale: Tensor,
    dynamics: Tensor,
) -> RenderedRegion:
    """The moving part only, at its working size; see ``render`` for the arguments."""
    motion = head_motion(rotation, translation, scale, appearance.rotation, appearance.unit)
    driving = drivers(appearance, dynamics)
    pixels, matte = _warp(appearance, driving, motion)
    opened = follow(appearance.eyes_patch, driving, motion)
    inside = appearance.eyes.paint(
        appearance.eyes_patch, opened.pixels, motion, appearance.origin, dynamics[:, PARTS["gaze"]]
    )
    paste(pixels, appearance.eyes_patch, opened, opened.closed_by(inside))
    opened = follow(appearance.mouth_patch, driving, motion)
    inside = appearance.mouth.paint(
        appearance.mouth_patch, opened, motion, appearance.origin, dynamics[:, PARTS["lips"]]
    )
    paste(pixels, appearance.mouth_patch, opened, opened.closed_by(inside))
    return RenderedRegion(pixels.clamp_(0, 1), matte.clamp(0, 1))


def render(
    appearance: MeshAppearance,
    rotation: Tensor,
    translation: Tensor,
    scale: Tensor,
    dynamics: Tensor,
    view: View = "source",
    alpha: bool = False,
) -> Tensor:
    """Frames of a moving portrait.

    Args:
        rotation: (B, 3) yaw, pitch, roll relative to the photo, degrees.
        translation: (B, 2) shift of the canonical mesh's origin, eye distances.
        scale: (B,) relative to the photo.
        dynamics: (B, D) codes of the mesh space.
        view: the whole source image, or the square close-up ("crop") of the head.
        alpha: add the head's matte as a fourth channel.
    Returns:
        (B, 3 or 4, H, W); outside the head's region a copy of the source, bit by bit.
    """
    moving = render_region(appearance, rotation, translation, scale, dynamics)
    part = torch.cat([moving.pixels, moving.matte], 1) if alpha else moving.pixels
    if view == "crop":
        return appearance.close_up.cut(part)
    region, source = appearance.region, appearance.image
    if alpha:
        source = torch.cat([source, torch.zeros_like(source[:, :1])], 1)
    frames = source.repeat(len(rotation), 1, 1, 1)
    size = (region.bottom - region.top, region.right - region.left)
    if part.shape[-2:] != size:
        part = F.interpolate(part, size, mode="bicubic", align_corners=False).clamp_(0, 1)
    frames[..., region.top : region.bottom, region.left : region.right] = part
    return frames


def _warp(appearance: MeshAppearance, driving: Tensor, motion: HeadMotion) -> tuple[Tensor, Tensor]:
    """The head over its background, (B, 3, h, w) and the head's matte (B, 1, h, w)."""
    field = appearance.field
    offsets = field.invert(field.displacement(driving, motion), appearance.target)
    offsets = appearance.head.scaled(offsets)  # while they are few
    offsets = enlarge(offsets, appearance.region.height, appearance.region.width)
    head = appearance.head.look_up(offsets[:, :, 0].add_(appearance.places))[:, 0]
    matte = head[:, 3:]
    return torch.addcmul(head[:, :3], 1 - matte, appearance.background), matte
