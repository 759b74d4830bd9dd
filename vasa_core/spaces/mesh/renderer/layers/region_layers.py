"""The picture in two layers: the head, which moves, over a background, which does not.

The background is filled in behind the head, so a turning head uncovers something plausible and the
rest of the background stays as it is instead of being stretched.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .....face.topology import LEFT_LID_LOWER, RIGHT_LID_LOWER
from ..geometry.lattice import cell_centres
from ..geometry.openings import smoothstep
from ..geometry.portrait_geometry import Scene
from ..geometry.region import LIPS_REACH
from ..geometry.texture import Texture, fill, sharp_texture
from .matte import head_matte

CLEAR = 0.04  # matte below which a pixel is pure background
FACE = 1.3  # radii of the head's ellipse that a still head's lower face fills
BELOW_EYES = (0.06, 0.30)  # eye distances below the lids: there the lower face begins
FRINGE = 0.035  # eye distances around the head that are not taken for the background's colours


def split_layers(scene: Scene) -> tuple[Texture, Tensor]:
    """The moving layer as a texture, and the still one.

    The moving layer holds colour times matte (3 channels) and the matte a, with
    ``picture = colour + (1 - a) * background`` exactly: at rest nothing changes, whatever a is.

    Returns:
        Texture of 4 channels; background (1, 3, h, w).
    """
    picture = scene.picture
    matte = head_matte(scene)
    matte = torch.where(matte < CLEAR, 0.0, matte)
    # stay clear of the head's fringe, which would tint the filling
    border = 2 * round(FRINGE * scene.unit) + 1
    rows = F.max_pool2d((matte > 0).to(picture), (border, 1), 1, (border // 2, 0))
    known = 1 - F.max_pool2d(rows, (1, border), 1, (0, border // 2))
    background = torch.lerp(fill(picture, known), picture, known)
    moving = picture - (1 - matte) * background
    planes = torch.cat([moving, matte], 1)
    return sharp_texture(planes, torch.zeros(1, 2).to(picture), scene.factor), background


def lower_face_layers(scene: Scene) -> tuple[Texture, Tensor]:
    """As ``split_layers``, where only lips move: the lower face, softly cut out, over the picture.

    Where nothing is cut out, the picture stays bit by bit.
    """
    picture = scene.picture
    size = picture.new_tensor([picture.shape[-1], picture.shape[-2]])
    grid = cell_centres(torch.zeros_like(size), size, *picture.shape[-2:]).permute(1, 2, 0)
    share = 1 - smoothstep(scene.ellipse.radius(grid), FACE, LIPS_REACH)
    lids = scene.landmarks[[RIGHT_LID_LOWER[4], LEFT_LID_LOWER[4]], :2] @ scene.ellipse.down
    share = share * smoothstep((grid @ scene.ellipse.down - lids.amax()) / scene.unit, *BELOW_EYES)
    planes = torch.cat([picture * share, share[None, None]], 1)
    return sharp_texture(planes, torch.zeros(1, 2).to(picture), scene.factor), picture
