"""Pictures that are sampled between their pixels, and filling of what a picture does not show."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ....curves import smoothstep


@dataclass(frozen=True, slots=True)
class Texture:
    """P pictures of C channels over boxes of the working picture.

    planes    (P, C, h, w)
    low, high (P, 2)  places of the first and the last sample, pixels
    """

    planes: Tensor
    low: Tensor
    high: Tensor

    def sample(self, points: Tensor, padding: str = "border") -> Tensor:
        """(B, P, 2, h, w) pixels to (B, P, C, h, w), bilinear."""
        return self.look_up(self.normal(points), padding)

    def normal(self, points: Tensor) -> Tensor:
        """(B, P, 2, h, w) pixels to -1..1 between the first and the last sample."""
        return (points - self._middle) / self._span

    def scaled(self, offsets: Tensor) -> Tensor:
        """(B, P, S, 2, h, w) differences in pixels to differences of what ``normal`` gives."""
        return offsets / self._span[:, None]

    def look_up(self, places: Tensor, padding: str = "border") -> Tensor:
        """As ``sample``, with (B, P, 2, h, w) places from ``normal``."""
        batch, patches, _, height, _ = places.shape
        if patches == 1:
            planes = self.planes.expand(batch, -1, -1, -1)
            grid = places[:, 0].permute(0, 2, 3, 1)
            return F.grid_sample(planes, grid, padding_mode=padding, align_corners=True)[:, None]
        # the frames share P pictures: rather than copy those, stack the grids along their height
        grid = places.permute(1, 0, 3, 4, 2).flatten(1, 2)
        found = F.grid_sample(self.planes, grid, padding_mode=padding, align_corners=True)
        return found.unflatten(2, (batch, height)).permute(2, 0, 1, 3, 4)

    @property
    def _middle(self) -> Tensor:
        return ((self.high + self.low) / 2)[:, :, None, None]

    @property
    def _span(self) -> Tensor:
        return ((self.high - self.low) / 2)[:, :, None, None]


def sharp_texture(picture: Tensor, corner: Tensor, factor: int = 2) -> Texture:
    """(P, C, h, w) pictures with their first pixels' corners at (P, 2), as a sharp texture.

    The samples are made ``factor`` times denser by bicubic interpolation. Bilinear sampling of that
    blurs a picture that moves by parts of a pixel much less, so slow motion does not pulse between
    sharp and soft; at whole pixels it is exact.
    """
    height, width = picture.shape[-2:]
    low = corner + 0.5
    high = low + torch.tensor([width - 1, height - 1]).to(low)
    if factor > 1:
        size = ((height - 1) * factor + 1, (width - 1) * factor + 1)
        planes = F.interpolate(picture, size, mode="bicubic", align_corners=True)
        planes[..., ::factor, ::factor] = picture
    else:
        planes = picture
    # channels side by side in memory: a turned head is read across rows, with fewer cache misses
    return Texture(planes.contiguous(memory_format=torch.channels_last), low, high)


def fill(picture: Tensor, known: Tensor) -> Tensor:
    """Fill (B, C, H, W) where ``known`` (B, 1, H, W) is below 1 from what is known around it.

    Push-pull (Gortler et al. 1996, section 3.3): averages of what is known, coarser and coarser,
    then back down into the holes. Smooth, and exact where ``known`` is 1.
    """
    height, width = picture.shape[-2:]
    if height <= 2 and width <= 2:
        total = known.sum((2, 3), keepdim=True).clamp(min=1e-6)
        return torch.lerp((picture * known).sum((2, 3), keepdim=True) / total, picture, known)
    padded = F.pad(torch.cat([picture * known, known], 1), (0, width % 2, 0, height % 2))
    coarse = F.avg_pool2d(padded, 2)
    weight = coarse[:, -1:]
    colour = coarse[:, :-1] / weight.clamp(min=1e-6)
    coarse = fill(colour, (4 * weight).clamp(max=1))
    size = (height + height % 2, width + width % 2)
    wide = F.interpolate(coarse, size, mode="bilinear", align_corners=False)
    return torch.lerp(wide[..., :height, :width], picture, known)


def luminance(colours: Tensor, dim: int = 1) -> Tensor:
    """Rec. 601 luma of RGB along ``dim``, kept as a dimension of one."""
    shape = [1] * colours.ndim
    shape[dim] = 3
    weights = colours.new_tensor([0.299, 0.587, 0.114]).view(shape)
    return (colours * weights).sum(dim, keepdim=True)


def feather(height: int, width: int, border: float) -> Tensor:
    """(height, width) weight that rises from 0 at the edges to 1 at ``border`` pixels inside."""
    x, y = torch.arange(width) + 0.5, torch.arange(height) + 0.5
    x, y = torch.minimum(x, width - x), torch.minimum(y, height - y)
    return smoothstep(x, 0, border) * smoothstep(y, 0, border)[:, None]
