"""Other lights, colours and styles for the refiner's pairs; colours are relative to the skin."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .pairs import Pairs

LUMA = torch.tensor([0.299, 0.587, 0.114])
GREY, SOFT, FLAT = 0.12, 0.4, 0.15  # how often: without colour, blurred, in few tones


def augmented_batch(pairs: Pairs, index: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """A batch of pairs, each in another style: its photo, its frame and its truth alike."""
    both = torch.cat([pairs.part[index], pairs.truth[index]], 1).float()
    part, truth = _placed_anew(both, generator).split((both.shape[1] - 3, 3), 1)
    palette = pairs.palette[index].float()
    here, photo, maps = part[:, :3], part[:, 3:6], part[:, 6:]
    matrix = _colour_matrices(len(index), generator)
    pictures = [torch.einsum("nij,njhw->nihw", matrix, x) for x in (here, photo, truth)]
    palette = torch.cat([palette[:, :1], palette[:, 1:] @ matrix.mT], 1)
    # what is drawn between the lips knows nothing of the portrait's style
    styled = _restyled(torch.stack(pictures, 1), generator)
    between = maps[:, :1]
    here = torch.lerp(styled[:, 0], pictures[0], between)
    part = torch.cat([here, styled[:, 1], maps], 1)
    truth = styled[:, 2]
    return {
        "part": part,
        "truth": truth,
        "palette": palette,
        "moved": pairs.moved[index].float(),
        "weight": pairs.weight[index].float(),
    }


def _placed_anew(layers: Tensor, generator: torch.Generator) -> Tensor:
    """(n, C, h, w) turned, scaled and shifted a little, mirrored half of the time."""
    count, _, height, width = layers.shape
    turn, size, x, y = torch.randn(4, count, generator=generator).clamp(-2, 2)
    turn, size = 0.07 * turn, torch.exp(0.08 * size)
    flip = (torch.rand(count, generator=generator) < 0.5).float() * -2 + 1
    across, down = size * turn.cos(), size * turn.sin()
    matrix = torch.stack(
        [
            torch.stack([flip * across, -flip * down * height / width, 0.05 * x], 1),
            torch.stack([down * width / height, across, 0.05 * y], 1),
        ],
        1,
    )
    grid = F.affine_grid(matrix, list(layers.shape), align_corners=False)
    return F.grid_sample(layers, grid, padding_mode="border", align_corners=False)


def plain_batch(pairs: Pairs, index: Tensor) -> dict[str, Tensor]:
    """A batch of pairs as they are."""
    names = ("part", "truth", "palette", "moved", "weight")
    return {name: getattr(pairs, name)[index].float() for name in names}


def _colour_matrices(count: int, generator: torch.Generator) -> Tensor:
    """(n, 3, 3): contrast, and turned, stronger, weaker or no colours; the luma of grey stays."""
    luma = LUMA.expand(3, 3)  # rows: what takes the luma
    angle = 0.35 * torch.randn(count, 1, 1, generator=generator)
    colour = torch.exp(0.35 * torch.randn(count, 1, 1, generator=generator))
    colour = colour * (torch.rand(count, 1, 1, generator=generator) > GREY)
    # a turn about the grey axis
    axis = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    third = torch.full((3, 3), 1 / 3)
    turn = angle.cos() * torch.eye(3) + angle.sin() * axis + (1 - angle.cos()) * third
    matrix = luma + colour * (turn @ (torch.eye(3) - luma))
    matrix = matrix - (luma @ matrix - luma)  # what the turn did to the luma
    return matrix * torch.exp(0.2 * torch.randn(count, 1, 1, generator=generator))


def _restyled(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """(n, 3, 3, h, w) pictures, three of each portrait: soft, in few tones, or as they are."""
    count = len(pictures)
    sigma = 0.4 + 1.4 * torch.rand(count, generator=generator)
    soft = torch.rand(count, generator=generator) < SOFT
    x = torch.arange(-4, 5)
    kernel = torch.exp(-0.5 * (x / sigma[:, None]).square())
    kernel = torch.where(soft[:, None], kernel, (x == 0).float())
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(9, 0)[:, None]
    height, width = pictures.shape[-2:]
    flat = F.pad(pictures.reshape(1, -1, height, width), (4, 4, 4, 4), mode="replicate")
    flat = F.conv2d(flat, kernel[:, :, None], groups=9 * count)
    flat = F.conv2d(flat, kernel[..., None], groups=9 * count)
    pictures = flat.view_as(pictures)
    step = 0.10 + 0.15 * torch.rand(count, 1, 1, 1, 1, generator=generator)
    tones = (pictures / step).round() * step
    tones = pictures + (tones - pictures) * 0.8
    flat_tones = torch.rand(count, 1, 1, 1, 1, generator=generator) < FLAT
    return torch.where(flat_tones, tones, pictures)
