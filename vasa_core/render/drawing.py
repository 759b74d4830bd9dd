"""What the face encoder saw, drawn into the picture."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..types import Portrait

SIDE = 768  # pixels of the drawing
COLOUR = (64, 255, 128)


def draw_landmarks(portrait: Portrait) -> Tensor:
    """The crop around the head with a dot at each landmark, (1, 3, side, side), 0..1."""
    device = portrait.image.device
    matrix = portrait.crop.matrix.double().cpu().numpy() * [1, 1, SIDE / portrait.crop.size]
    matrix *= portrait.crop.size / SIDE  # pixels of the drawing to pixels of the image
    pixels = (portrait.image[0].movedim(0, -1) * 255).round().byte().cpu().numpy()
    shrink = max(1, int(np.linalg.norm(matrix[:, 0])))  # or a large head would show moire
    picture = Image.fromarray(pixels).reduce(shrink)
    affine = (matrix.flatten() / shrink).tolist()
    picture = picture.transform(
        (SIDE, SIDE), Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC
    )
    offsets = portrait.landmarks[:, :2].double().cpu().numpy() - matrix[:, 2]
    points = np.linalg.solve(matrix[:, :2], offsets.T).T
    pen = ImageDraw.Draw(picture)
    radius = SIDE / 320
    for x, y in points.tolist():
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=COLOUR)
    drawn = torch.from_numpy(np.array(picture)).to(device)
    return drawn.movedim(-1, 0)[None].float() / 255
