"""The warping network: where each place of the feature volume goes, and the warped features.

From sparse keypoint motion to dense motion as in face-vid2vid (Wang 2021, section 3.2): the volume
is shifted once by each keypoint, and an hourglass decides which shift holds where.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .blocks import ConvNorm
from .motion import KEYPOINTS

SHIFTS = KEYPOINTS + 1  # the background, which stays, and one per keypoint
COMPRESSED = 4  # channels of the volume that the hourglass sees
HEAT_VARIANCE = 0.01


@dataclass(frozen=True, slots=True, repr=False)
class WarpSource:
    """What warping needs of a portrait, worked out once.

    volume     (1, C, D, H, W)  appearance features
    compressed (1, 4, D, H, W)  the same in few channels
    keypoints  (1, K, 3)        of the source, x, y, z in -1..1
    heat       (1, K, D, H, W)  a Gaussian around each
    """

    volume: Tensor
    compressed: Tensor
    keypoints: Tensor
    heat: Tensor


@dataclass(frozen=True, slots=True, repr=False)
class DenseMotion:
    """Which shift holds where.

    mask        (B, 1 + K, D, H, W)  share of each shift, adding up to 1
    deformation (B, D, H, W, 3)      where to read the volume, x, y, z in -1..1
    occlusion   (B, 1, H, W)         0 where nothing of the source can be seen
    """

    mask: Tensor
    deformation: Tensor
    occlusion: Tensor


def corner_grid(depth: int, height: int, width: int, like: Tensor) -> Tensor:
    """(D, H, W, 3) places x, y, z whose corners lie at -1 and 1."""
    z, y, x = (
        torch.linspace(-1, 1, size, device=like.device, dtype=like.dtype)
        for size in (depth, height, width)
    )
    z, y, x = torch.meshgrid(z, y, x, indexing="ij")
    return torch.stack([x, y, z], -1)


def heat(keypoints: Tensor, grid: Tensor) -> Tensor:
    """(B, K, 3) keypoints to (B, K, D, H, W) Gaussians around them."""
    offset = grid - keypoints[:, :, None, None, None]
    return torch.exp(-0.5 * offset.square().sum(-1) / HEAT_VARIANCE)


class UpBlock(nn.Module):
    """Twice as high and wide (nearest), convolution, batch norm, ReLU; the depth stays."""

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.conv = nn.Conv3d(channels, out, 3, padding=1)
        self.norm = nn.BatchNorm3d(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) to (B, out, D, 2 H, 2 W)."""
        return F.relu(self.norm(self.conv(F.interpolate(x, scale_factor=(1, 2, 2)))))


class Encoder(nn.Module):
    """Halves height and width again and again, keeping what it had for the decoder."""

    def __init__(self, sizes: list[int]):
        super().__init__()
        self.down_blocks = nn.ModuleList(
            ConvNorm(3, before, after)
            for before, after in zip(sizes, sizes[1:])  # noqa: B905
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, C, D, H, W) to itself and each smaller version."""
        seen = [x]
        for block in self.down_blocks:
            seen.append(F.avg_pool3d(F.relu(block(seen[-1])), (1, 2, 2)))
        return seen


class Decoder(nn.Module):
    """Doubles height and width again and again, beside what the encoder saw at each size."""

    def __init__(self, sizes: list[int]):
        super().__init__()
        self.up_blocks = nn.ModuleList()
        channels = sizes[-1]
        for level in range(len(sizes) - 1, 0, -1):
            out = sizes[level] // 2
            self.up_blocks.append(UpBlock(channels, out))
            channels = out + sizes[level - 1]
        self.conv: nn.Module = nn.Conv3d(channels, channels, 3, padding=1)  # ``fast`` replaces it
        self.norm = nn.BatchNorm3d(channels)
        self.channels = channels

    def forward(self, seen: list[Tensor]) -> Tensor:
        """What the encoder saw, to (B, channels, D, H, W)."""
        x = seen.pop()
        for block in self.up_blocks:
            x = torch.cat([block(x), seen.pop()], 1)
        return F.relu(self.norm(self.conv(x)))


class Hourglass(nn.Module):
    """A U-net over height and width; the depth keeps its size."""

    def __init__(self, channels: int, width: int, levels: int = 5, most: int = 1024):
        super().__init__()
        sizes = [channels, *(min(most, width * 2**level) for level in range(1, levels + 1))]
        self.encoder, self.decoder = Encoder(sizes), Decoder(sizes)
        self.channels = self.decoder.channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) to (B, channels, D, H, W)."""
        return self.decoder(self.encoder(x))


class DenseMotionNetwork(nn.Module):
    """Sparse keypoints to dense motion."""

    def __init__(self, volume: tuple[int, int], width: int):
        super().__init__()
        channels, depth = volume
        self.hourglass = Hourglass(SHIFTS * (1 + COMPRESSED), width)
        features = self.hourglass.channels
        self.mask: nn.Module = nn.Conv3d(features, SHIFTS, 7, padding=3)  # ``fast`` replaces it
        self.compress = nn.Conv3d(channels, COMPRESSED, 1)
        self.norm = nn.BatchNorm3d(COMPRESSED)
        self.occlusion = nn.Conv2d(features * depth, 1, 7, padding=3)

    def prepare(self, volume: Tensor, keypoints: Tensor) -> WarpSource:
        """(1, C, D, H, W) appearance and (1, K, 3) its keypoints, once per portrait."""
        compressed = F.relu(self.norm(self.compress(volume)))
        grid = corner_grid(*volume.shape[2:], like=keypoints)
        return WarpSource(volume, compressed, keypoints, heat(keypoints, grid).to(volume))

    def forward(self, source: WarpSource, keypoints: Tensor) -> DenseMotion:
        """(B, K, 3) driving keypoints to the motion of B frames."""
        grid = corner_grid(*source.volume.shape[2:], like=keypoints)
        shifts = F.pad(source.keypoints - keypoints, (0, 0, 1, 0))  # (B, 1 + K, 3); none at first
        deformed = self.shifted(source.compressed, grid, shifts)
        change = (heat(keypoints, grid) - source.heat.to(keypoints)).to(deformed)
        change = F.pad(change, (0, 0, 0, 0, 0, 0, 1, 0))
        seen = torch.cat([change[:, :, None], deformed], 2).flatten(1, 2)
        features = self.hourglass(seen)  # (B, 142, D, H, W)
        mask = self.mask(features).to(keypoints).softmax(1)
        # the shifted grids, weighted; the shares add up to 1, so the grid itself stands apart
        deformation = grid + torch.einsum("bkdhw,bkc->bdhwc", mask, shifts)
        occlusion = self.occlusion(rearrange(features, "b c d h w -> b (c d) h w")).sigmoid()
        return DenseMotion(mask, deformation, occlusion)

    @staticmethod
    def shifted(compressed: Tensor, grid: Tensor, shifts: Tensor) -> Tensor:
        """(1, C, D, H, W) features read at (D, H, W, 3) moved by (B, S, 3): (B, S, C, D, H, W).

        The grid's corners lie in the middle of the outer voxels, the reading takes them for the
        outer edges: the published weights were trained with this difference.
        """
        frames, count = shifts.shape[:2]
        places = rearrange(grid + shifts[:, :, None, None, None], "b s d h w c -> 1 (b s d) h w c")
        read = F.grid_sample(compressed.to(places), places, align_corners=False)
        read = rearrange(read, "1 c (b s d) h w -> b s c d h w", b=frames, s=count)
        return read.to(compressed)


class WarpingNetwork(nn.Module):
    """W of LivePortrait: driving keypoints and a prepared source to warped features."""

    def __init__(self, volume: tuple[int, int] = (32, 16), width: int = 32, out: int = 256):
        super().__init__()
        self.dense_motion_network = DenseMotionNetwork(volume, width)
        self.third = ConvNorm(2, volume[0] * volume[1], out)
        self.fourth = nn.Conv2d(out, out, 1)

    def prepare(self, volume: Tensor, keypoints: Tensor) -> WarpSource:
        """(1, C, D, H, W) appearance and (1, K, 3) source keypoints, once per portrait."""
        return self.dense_motion_network.prepare(volume, keypoints)

    def forward(self, source: WarpSource, keypoints: Tensor) -> Tensor:
        """(B, K, 3) driving keypoints to (B, 256, 64, 64) features."""
        return self.warp(source, self.dense_motion_network(source, keypoints))

    def warp(self, source: WarpSource, motion: DenseMotion) -> Tensor:
        """The source's volume as the motion moves it, (B, 256, H, W), dark where occluded."""
        places = rearrange(motion.deformation, "b d h w c -> 1 (b d) h w c")
        read = F.grid_sample(source.volume.to(places), places, align_corners=False)
        flat = rearrange(read, "1 c (b d) h w -> b (c d) h w", b=len(motion.mask))
        flat = flat.to(source.volume)
        x = F.leaky_relu(self.third(flat), 0.01)
        return self.fourth(x) * motion.occlusion
