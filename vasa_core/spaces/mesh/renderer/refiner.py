"""The learned refiner: a small network that finishes what a photo cannot show of a mouth.

It gets the rendered mouth and its surroundings, maps of what was opened there and the photo's own
mouth, all in a frame that is fixed to the head, and says how the colours should change. The change
is given in the portrait's own palette, so that a grey portrait stays grey and a painting keeps to
its paints.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from ....face.layers import channels_last
from ...curves import smoothstep

SLOPE = 0.1  # of the activation below zero
CHANNELS = 10  # frame (3), photo (3), inside now, inside at rest, below upper, above lower
SPREAD = 6.0  # a sixth of the surroundings open: all detail may change
DEEP = (0.80, 0.96)  # distance from the lips, as in the maps: from there on nothing gets lighter
CHANGE = 1.0  # of a palette colour, that an output of 1 means


@dataclass(frozen=True, slots=True)
class RefinerConfig:
    """``height`` x ``width`` samples, ``widths`` of the features at 1/2, 1/4 and 1/8 of them, and

    ``blocks`` at the two coarser ones; ``spread`` is how far the fine change reaches around what
    opened, in samples.
    """

    height: int
    width: int
    widths: tuple[int, int, int]
    blocks: tuple[int, int]
    spread: int


MOUTH = RefinerConfig(72, 72, (24, 64, 96), (1, 2), 5)


class Block(nn.Module):
    """Two convolutions around which the features pass; starts as nothing."""

    def __init__(self, width: int):
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.two = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.get_parameter("bias"))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return features + self.two(active(self.one(active(features))))


class Refiner(nn.Module):
    """What is to change in a mouth."""

    def __init__(self, config: RefinerConfig = MOUTH):
        super().__init__()
        self.config = config
        fine, middle, coarse = config.widths
        self.stem = nn.Conv2d(CHANNELS, fine, 3, 2, 1)
        self.down = nn.Conv2d(fine, middle, 3, 2, 1)
        self.before = nn.Sequential(*(Block(middle) for _ in range(config.blocks[0])))
        self.deep = nn.Conv2d(middle, coarse, 3, 2, 1)
        self.style = nn.Linear(coarse, 2 * coarse)
        self.within = nn.Sequential(*(Block(coarse) for _ in range(config.blocks[1])))
        self.up = nn.Conv2d(coarse, middle, 1)
        self.after = Block(middle)
        self.shading = nn.Conv2d(middle, 3, 3, padding=1)
        self.out = nn.Conv2d(middle, fine, 1)
        self.last = Block(fine)
        self.pixels = nn.Conv2d(fine, 4 * 6, 3, padding=1)
        self.drawn = nn.Conv2d(6 + CHANNELS, 3, 3, padding=1)
        for layer in (self.style, self.shading, self.drawn):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.get_parameter("bias"))

    @staticmethod
    def load(device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Refiner:
        """With the embedded weights, made by ``vasa_core.lab.training.refiner``."""
        refiner = Refiner()
        file = Path(__file__).parents[1] / "weights" / "refiner.safetensors"
        refiner.load_state_dict(load_file(file))
        refiner = channels_last(refiner.to(device, dtype))
        return refiner.train(False).requires_grad_(False)

    def forward(self, part: Tensor) -> Tensor:
        """What the palette's colours should gain.

        part (B, 10, h, w)  see ``CHANNELS``; colours relative to the skin
        returns (B, 3, h, w)
        """
        fine = self.stem(part)  # (B, 24, h/2, w/2)
        middle = self.before(self.down(active(fine)))  # (B, 64, h/4, w/4)
        coarse = self.deep(active(middle))  # (B, 96, h/8, w/8)
        scale, shift = self.style(coarse.mean((2, 3)))[:, :, None, None].chunk(2, 1)
        coarse = self.within(coarse * (1 + scale) + shift)
        middle = self.after(middle + enlarged(self.up(active(coarse)), middle))
        shading = self.shading(active(middle))  # (B, 3, h/4, w/4)
        fine = self.last(fine + enlarged(self.out(active(middle)), fine))
        pixels = F.pixel_shuffle(self.pixels(active(fine)), 2)  # (B, 6, h, w)
        drawn = self.drawn(torch.cat([active(pixels), part], 1))
        shading = enlarged(shading, part)
        change = CHANGE * torch.tanh(shading + self.near(part) * drawn)
        # whatever may lie deep inside a wide open mouth, it is dark there
        deep = smoothstep(torch.minimum(part[:, 8:9], part[:, 9:]), *DEEP)
        light = torch.minimum(change[:, :1], change[:, :1] * (1 - deep))
        return torch.cat([light, change[:, 1:]], 1)

    def near(self, part: Tensor) -> Tensor:
        """Where detail may change, (B, 1, h, w): around what is open or was open in the photo."""
        opened = torch.maximum(part[:, 6:7], part[:, 7:8])
        radius = self.config.spread
        for _ in range(2):  # mean over a square, by running sums: ten times quicker than pooling
            sums = F.pad(opened, (radius + 1, radius)).cumsum(-1)
            side = 2 * radius + 1
            opened = ((sums[..., side:] - sums[..., :-side]) / side).mT
        return (SPREAD * opened).clamp(0, 1)


def active(features: Tensor) -> Tensor:
    """The activation."""
    return F.leaky_relu(features, SLOPE)


def enlarged(features: Tensor, like: Tensor) -> Tensor:
    """As large as ``like``."""
    return F.interpolate(features, like.shape[-2:], mode="bilinear")
