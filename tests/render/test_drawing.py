import numpy as np
import pytest
import torch
from PIL import Image

from vasa_core.render.drawing import COLOUR, SIDE, draw_landmarks


def coloured(drawn, points):
    """Whether each of (N, 2) pixels of the drawing has the dots' colour in or beside it."""
    for x, y in points.long().tolist():
        around = drawn[0, :, y - 1 : y + 2, x - 1 : x + 2].flatten(1).T
        yield (around - torch.tensor(COLOUR) / 255).abs().sum(1).min() < 0.05


def test_dots_lie_on_the_landmarks(portrait):
    drawn = draw_landmarks(portrait)
    assert drawn.shape == (1, 3, SIDE, SIDE)
    corner, step = portrait.crop.matrix[:, 2], portrait.crop.matrix.diagonal()
    points = (portrait.landmarks[:, :2] - corner) / step * SIDE / portrait.crop.size
    assert all(coloured(drawn, points))


@pytest.mark.parametrize("size", [256, 1600])
def test_a_turned_crop_is_drawn_upright(tiny_space, portrait_path, size):
    picture = Image.open(portrait_path).resize((size, size)).rotate(20, Image.Resampling.BICUBIC)
    image = torch.from_numpy(np.array(picture)).movedim(-1, 0)[None].float() / 255
    turned = tiny_space.encode(image)
    points = turned.conditioning.landmarks[:, :2] * SIDE / 512
    assert abs(points[33, 1] - points[263, 1]) < 0.05 * SIDE  # the eyes are level
    assert all(coloured(draw_landmarks(turned), points))
