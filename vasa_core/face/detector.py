"""Finding faces: a small anchor-free network over a picture at a few sizes.

For every cell of 8 x 8 pixels the network says whether a face's centre lies in it (heat), where in
the cell, how large the face is and how it is rolled ("Objects as Points", Zhou et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .framing import frame_size, make_frames, turned_back
from .layers import Residual, conv

STRIDE = 8
UNIT = 32.0  # size output 0 means a half side of this many pixels
MULTIPLE = 32  # the network's input sides are multiples of this


@dataclass(frozen=True)
class DetectorConfig:
    """Sizes; ``sides`` are the longest sides, in pixels, at which a picture is looked at."""

    channels: tuple[int, ...] = (24, 48, 64, 96)
    sides: tuple[int, ...] = (192, 448)


class Detector(nn.Module):
    """Pictures (B, 3, H, W), 0..1, sides multiples of 32, to maps (B, 6, H/8, W/8).

    Channels: heat logit, x and y of the centre in the cell (0..1), log half side over ``UNIT``,
    cosine and sine of the roll.
    """

    def __init__(self, config: DetectorConfig | None = None):
        super().__init__()
        config = config or DetectorConfig()
        a, b, c, d = config.channels
        self.config = config
        self.stage8 = nn.Sequential(
            nn.PixelUnshuffle(2), conv(12, a, 3, 2), conv(a, b, 3, 2), Residual(b)
        )
        self.stage16 = nn.Sequential(conv(b, c, 3, 2), Residual(c), Residual(c))
        self.stage32 = nn.Sequential(conv(c, d, 3, 2), Residual(d), Residual(d))
        self.down32 = nn.Conv2d(d, c, 1)
        self.merge16 = conv(c, c)
        self.down16 = nn.Conv2d(c, b, 1)
        self.merge8 = conv(b, b)
        self.out = nn.Conv2d(b, 6, 1)
        nn.init.constant_(self.out.get_parameter("bias")[:1], -4.0)

    def forward(self, picture: Tensor) -> Tensor:
        """Pictures to maps, as above."""
        x8 = self.stage8(picture * 2 - 1)
        x16 = self.stage16(x8)
        x32 = self.stage32(x16)
        x32 = x32 + x32.mean((2, 3), keepdim=True)  # a face may fill the whole picture
        x16 = self.merge16(x16 + F.interpolate(self.down32(x32), scale_factor=2.0))
        x8 = self.merge8(x8 + F.interpolate(self.down16(x16), scale_factor=2.0))
        return self.out(x8)

    @torch.no_grad()
    def find(
        self, image: Tensor, threshold: float, most: int = 64, quarters: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Frames (F, 2, 3) and scores (F,) of faces in one image (1, 3, H, W), best first.

        A face is kept when its heat is a local maximum above ``threshold`` and no better face lies
        on it. The frame is the square crop that the landmark network wants. The image is looked at
        after ``quarters`` quarter turns anticlockwise; the frames are those of the image as it is.
        """
        frames, scores = [], []
        longest = max(image.shape[-2:])
        for side in self.config.sides:
            if side > self.config.sides[0] and longest <= self.config.sides[0]:
                continue
            picture, scale = fitted(image, side, quarters)
            found, score = decode(self(picture), threshold, most)
            frames.append(turned_back(found / scale, quarters, *image.shape[-2:]))
            scores.append(score)
        frames, scores = torch.cat(frames), torch.cat(scores)
        keep = suppress(frames, scores)[:most]
        return frames[keep], scores[keep]


def fitted(image: Tensor, side: int, quarters: int = 0) -> tuple[Tensor, float]:
    """The image scaled to a longest side, turned, padded at right and bottom; and the scale.

    It is turned anticlockwise, by ``quarters`` quarter turns.
    """
    height, width = image.shape[-2:]
    scale = side / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    small = F.interpolate(image, size=size, mode="bilinear", antialias=True, align_corners=False)
    small = small.rot90(quarters, (-2, -1))
    bottom, right = (-length % MULTIPLE for length in small.shape[-2:])
    return F.pad(small, (0, right, 0, bottom), value=0.5), scale


def decode(maps: Tensor, threshold: float, most: int) -> tuple[Tensor, Tensor]:
    """Frames (F, 2, 3) and scores (F,) from the maps (1, 6, h, w) of one picture."""
    heat = maps[:, :1].sigmoid()
    peak = (heat == F.max_pool2d(heat, 3, 1, 1)) & (heat > threshold)
    score, place = (heat * peak).flatten().topk(min(most, heat.numel()))
    place = place[score > threshold]
    y, x = place // maps.shape[-1], place % maps.shape[-1]
    cell = maps[0, :, y, x]
    centre = torch.stack([x + cell[1], y + cell[2]], -1) * STRIDE
    half = UNIT * cell[3].clamp(-4, 4).exp()
    return make_frames(centre, half, torch.atan2(cell[5], cell[4])), score[score > threshold]


def suppress(frames: Tensor, scores: Tensor, apart: float = 0.45) -> list[int]:
    """Indices of faces, best first, that lie ``apart`` half sides from every better one."""
    kept: list[int] = []
    half = frame_size(frames)
    for i in scores.argsort(descending=True).tolist():
        away = torch.linalg.vector_norm(frames[kept, :, 2] - frames[i, :, 2], dim=-1)
        if (away > apart * torch.maximum(half[kept], half[i])).all():
            kept.append(i)
    return kept
