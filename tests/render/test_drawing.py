import torch

from vasa_core.render.drawing import COLOUR, SIDE, draw_landmarks


def test_dots_lie_on_the_landmarks(portrait):
    drawn = draw_landmarks(portrait)
    assert drawn.shape == (1, 3, SIDE, SIDE)
    scale = SIDE / portrait.crop.size
    corner, step = portrait.crop.matrix[:, 2], portrait.crop.matrix.diagonal()
    for x, y in ((portrait.landmarks[:, :2] - corner) / step * scale).long().tolist():
        around = drawn[0, :, y - 1 : y + 2, x - 1 : x + 2].flatten(1).T
        assert (around - torch.tensor(COLOUR) / 255).abs().sum(1).min() < 0.05
