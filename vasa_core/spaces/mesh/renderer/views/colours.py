"""Makes the colours of another photo of a person those of the portrait.

Light, exposure and white balance differ from photo to photo. The skin is the same, so its colours
say how: at vertices of the mesh, in both photos, each colour's ratio is taken and smoothly carried
over the picture. What is finer than half an eye distance stays as the photo has it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .....face.topology import FACE_VERTICES, LEFT_CREASE, LIDS, LIPS, RIGHT_CREASE
from .....render.blur import gaussian_blur
from ..geometry.lattice import cell_centres
from ..geometry.texture import Texture

SMOOTH = 0.06  # radius of the colours that are compared, in eye distances
RATIO_RADIUS = 1.0  # of a vertex's ratio, in eye distances
BLACK = 0.03  # added to both colours of a ratio, so that dark places have a say but no more
MOST = 2.5  # by which a colour may be multiplied or divided
CELL = 0.1  # between the points where the ratio is worked out, in eye distances
PRIOR = 0.05  # weight of the mean ratio against the vertices near by

CREASES = {vertex for rows in (*RIGHT_CREASE, *LEFT_CREASE) for vertex in rows}
SKIN = tuple(sorted({*range(FACE_VERTICES)} - {*LIPS, *LIDS, *CREASES}))


def match_colours(
    picture: Tensor, landmarks: Tensor, model: Tensor, model_landmarks: Tensor, unit: float
) -> Tensor:
    """(1, 3, h, w) picture with (V, 3) landmarks, in the colours of a ``model`` of the same size.

    Both show one face; ``unit`` is its eye distance in pixels. Returns (1, 3, h, w), 0..1.
    """
    points = landmarks[list(SKIN), :2]
    own, wanted = (
        _at(gaussian_blur(p, SMOOTH * unit), l[list(SKIN), :2])
        for p, l in ((picture, landmarks), (model, model_landmarks))
    )
    ratio = torch.log((wanted + BLACK) / (own + BLACK))
    ratio = ratio.clamp(*(s * torch.log(ratio.new_tensor(MOST)).item() for s in (-1, 1)))
    height, width = picture.shape[-2:]
    box = points.new_tensor([width, height])
    rows, columns = (max(4, round(side / (CELL * unit))) for side in (height, width))
    cells = cell_centres(torch.zeros_like(box), box, rows, columns).permute(1, 2, 0)
    near = torch.exp(
        -(torch.cdist(cells.flatten(0, 1), points) / (RATIO_RADIUS * unit)).square() * 2
    )
    mean = ratio.median(0).values
    smooth = (near @ ratio + PRIOR * mean) / (near.sum(1, keepdim=True) + PRIOR)
    gain = smooth.T.view(1, 3, rows, columns).exp()
    gain = F.interpolate(gain, (height, width), mode="bicubic")
    return (picture * gain).clamp(0, 1)


def _at(picture: Tensor, points: Tensor) -> Tensor:
    """(N, 3) colours of a (1, 3, h, w) picture at (N, 2) pixels."""
    low = points.new_full((1, 2), 0.5)
    high = points.new_tensor([[picture.shape[-1] - 0.5, picture.shape[-2] - 0.5]])
    return Texture(picture, low, high).sample(points.T[None, None, :, :, None])[0, 0, :, :, 0].T
