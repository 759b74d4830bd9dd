"""Lays the rendered region over the picture that it is part of.

Towards its edge nothing moves any more; there the frame goes over into the picture itself, so that
outside it is the same bit by bit. A region that is rendered smaller and enlarged again would be
soft throughout: what that loses is put back wherever the background stays in sight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ....curves import smoothstep
from ..geometry.lattice import Lattice
from ..geometry.region import HeadRegion

STILL = 0.08  # share of the head's motion below which a frame goes over into the picture


@dataclass(frozen=True, slots=True)
class Compositor:
    """What rendered regions are laid over their picture with; all in source pixels of the region.

    edit_mask (1, 1, h, w)  how far a frame may differ from the picture: 1 freely, 0 not at all
    matte     (1, 1, h, w)  the head's in the picture
    detail    (1, 3, h, w)  what the enlarged background lacks; None where nothing is enlarged
    """

    edit_mask: Tensor
    matte: Tensor
    detail: Tensor | None

    def lay(self, picture: Tensor, colours: Tensor, matte: Tensor) -> None:
        """Lay B rendered regions over the (B, 3 or 4, h, w) picture of the region, in place.

        ``colours`` (B, 3, h', w') and ``matte`` (B, 1, h', w') are in working pixels; a fourth
        channel of the picture becomes the matte.
        """
        if self.detail is not None:
            colours, matte = (
                enlarge_layers(colours, self.edit_mask),
                enlarge_layers(matte, self.edit_mask),
            )
            uncovered = (matte - self.matte).clamp_(min=0).neg_().add_(1)
            colours.addcmul_(self.detail, uncovered).clamp_(0, 1)
        picture[:, :3].lerp_(colours, self.edit_mask)
        picture[:, 3:].lerp_(matte, self.edit_mask)


def make_compositor(
    image: Tensor, region: HeadRegion, picture: Tensor, field: Lattice, matte: Tensor
) -> Compositor:
    """The compositor of a region of (1, 3, H, W).

    ``picture`` (1, 3, h', w') and ``matte`` (1, 1, h', w') are in its working pixels.
    """
    source = region.box(image)
    rigidity = F.interpolate(field.rigidity[0], source.shape[-2:], mode="bilinear")
    edit_mask = smoothstep(rigidity, 0.0, STILL)
    if picture.shape == source.shape:
        return Compositor(edit_mask, matte, None)
    matte = enlarge_layers(matte, source)
    lacking = enlarge_layers(picture, source).neg_().add_(source)
    return Compositor(edit_mask, matte, lacking.mul_(1 - matte))


def enlarge_layers(layers: Tensor, like: Tensor) -> Tensor:
    """(B, C, h', w') working pictures as large as ``like``; single channels are soft: linear."""
    mode = "bilinear" if layers.shape[1] == 1 else "bicubic"
    return F.interpolate(layers, like.shape[-2:], mode=mode, align_corners=False)
