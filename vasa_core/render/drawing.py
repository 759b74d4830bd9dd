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
    crop, device = portrait.crop, portrait.image.device
    matrix = crop.matrix.double().cpu()
    corner, scale = matrix[:, 2], matrix.diagonal()
    low = corner.tolist()
    high = (corner + crop.size * scale).tolist()
    pixels = (portrait.image[0].movedim(0, -1) * 255).round().byte().cpu().numpy()
    picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC, (*low, *high))
    points = (portrait.landmarks[:, :2].double().cpu() - corner) / scale * (SIDE / crop.size)
    pen = ImageDraw.Draw(picture)
    radius = SIDE / 320
    for x, y in points.tolist():
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=COLOUR)
    drawn = torch.from_numpy(np.array(picture)).to(device)
    return drawn.movedim(-1, 0)[None].float() / 255
