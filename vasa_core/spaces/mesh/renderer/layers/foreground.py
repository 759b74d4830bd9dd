"""The picture in two layers: the foreground, which moves, over a background, which does not.

The background is filled in behind the head, so a turning head uncovers something plausible and the
rest of the background stays as it is instead of being stretched.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .....face.topology import LEFT_LID_MIDDLES, RIGHT_LID_MIDDLES
from ....curves import smoothstep
from ..geometry.lattice import cell_centres
from ..geometry.portrait_geometry import PortraitGeometry
from ..geometry.region import LIPS_RADIUS
from ..geometry.texture import Texture, fill, sharp_texture
from .matte import head_matte

CLEAR = 0.04  # matte below which a pixel is pure background
FACE = 1.3  # radii of the head's ellipse that a still head's lower face fills
BELOW_EYES = (0.06, 0.30)  # eye distances below the lids: there the lower face begins
FRINGE = 0.035  # eye distances around the head that are not taken for the background's colours


def head_layers(geometry: PortraitGeometry) -> tuple[Texture, Tensor]:
    """The moving layer as a texture, and the still one.

    The moving layer holds colour times matte (3 channels) and the matte a, with
    ``picture = colour + (1 - a) * background`` exactly: at rest nothing changes, whatever a is.

    Returns:
        Texture of 4 channels; background (1, 3, h, w).
    """
    picture = geometry.picture
    matte = head_matte(geometry)
    matte = torch.where(matte < CLEAR, 0.0, matte)
    # stay clear of the head's fringe, which would tint the filling
    border = 2 * round(FRINGE * geometry.unit) + 1
    rows = F.max_pool2d((matte > 0).to(picture), (border, 1), 1, (border // 2, 0))
    known = 1 - F.max_pool2d(rows, (1, border), 1, (0, border // 2))
    background = torch.lerp(fill(picture, known), picture, known)
    moving = picture - (1 - matte) * background
    planes = torch.cat([moving, matte], 1)
    return sharp_texture(planes, torch.zeros(1, 2).to(picture), geometry.factor), background


def lower_face_layers(geometry: PortraitGeometry) -> tuple[Texture, Tensor]:
    """As ``head_layers``, where only lips move: the lower face, softly cut out, over the picture.

    Where nothing is cut out, the picture stays bit by bit.
    """
    picture = geometry.picture
    size = picture.new_tensor([picture.shape[-1], picture.shape[-2]])
    grid = cell_centres(torch.zeros_like(size), size, *picture.shape[-2:]).permute(1, 2, 0)
    share = 1 - smoothstep(geometry.ellipse.radius(grid), FACE, LIPS_RADIUS)
    lower_lids = [RIGHT_LID_MIDDLES[1], LEFT_LID_MIDDLES[1]]
    lids = geometry.landmarks[lower_lids, :2] @ geometry.ellipse.down
    share = share * smoothstep(
        (grid @ geometry.ellipse.down - lids.amax()) / geometry.unit, *BELOW_EYES
    )
    planes = torch.cat([picture * share, share[None, None]], 1)
    return sharp_texture(planes, torch.zeros(1, 2).to(picture), geometry.factor), picture
