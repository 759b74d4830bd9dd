"""How the rendered region joins the picture that it is part of.

Towards its edge nothing moves any more; there the frame goes over into the picture itself, so that
outside it is the same bit by bit. A region that is rendered smaller and enlarged again would be
soft throughout: what that loses is put back wherever the background stays in sight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ..geometry.lattice import Lattice
from ..geometry.openings import smoothstep
from ..geometry.region import HeadRegion

STILL = 0.08  # share of the head's motion below which a frame goes over into the picture


@dataclass(frozen=True, slots=True)
class Seam:
    """What frames are joined to their picture with; all in source pixels of the region.

    reach   (1, 1, h, w)  how far a frame may differ from the picture: 1 freely, 0 not at all
    matte   (1, 1, h, w)  the head's in the picture
    detail  (1, 3, h, w)  what the enlarged background lacks; None where nothing is enlarged
    """

    reach: Tensor
    matte: Tensor
    detail: Tensor | None

    def join(self, picture: Tensor, colours: Tensor, matte: Tensor) -> None:
        """Lay B rendered regions over the (B, 3 or 4, h, w) picture of the region, in place.

        ``colours`` (B, 3, h', w') and ``matte`` (B, 1, h', w') are in working pixels; a fourth
        channel of the picture becomes the matte.
        """
        if self.detail is not None:
            colours, matte = enlarged(colours, self.reach), enlarged(matte, self.reach)
            uncovered = (matte - self.matte).clamp_(min=0).neg_().add_(1)
            colours.addcmul_(self.detail, uncovered).clamp_(0, 1)
        picture[:, :3].lerp_(colours, self.reach)
        picture[:, 3:].lerp_(matte, self.reach)


def make_seam(
    image: Tensor, region: HeadRegion, picture: Tensor, field: Lattice, matte: Tensor
) -> Seam:
    """The seam of a region of (1, 3, H, W).

    ``picture`` (1, 3, h', w') and ``matte`` (1, 1, h', w') are in its working pixels.
    """
    source = region.box(image)
    follows = F.interpolate(field.weight[0], source.shape[-2:], mode="bilinear")
    reach = smoothstep(follows, 0.0, STILL)
    if picture.shape == source.shape:
        return Seam(reach, matte, None)
    matte = enlarged(matte, source)
    lacking = enlarged(picture, source).neg_().add_(source)
    return Seam(reach, matte, lacking.mul_(1 - matte))


def enlarged(layers: Tensor, like: Tensor) -> Tensor:
    """(B, C, h', w') working pictures as large as ``like``; single channels are soft: linear."""
    mode = "bilinear" if layers.shape[1] == 1 else "bicubic"
    return F.interpolate(layers, like.shape[-2:], mode=mode, align_corners=False)
