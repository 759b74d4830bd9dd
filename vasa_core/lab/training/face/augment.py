"""Training crops, a batch at a time: jitter, re-posing, light, style, blur, occlusion."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ....face import topology as mesh
from ....face.framing import crop_grid, fit_frames, frame_size, make_frames, sample, to_crop
from ....face.topology import mirror_index
from ....render.blur import gaussian_blur
from ...data.faces import SIZE
from .glasses import put_on_glasses
from .repose import OPENED, ShapeBank, mouth_height, warp

LATTICE = 32  # the re-posing warp is worked out on a lattice of this many columns
CROP_SIDE = 2.6  # side of the face crop in eye distances of the mean face
BLUR_RADIUS = (
    4  # pixels at which the kernels of all blurs end, as when the shipped weights were made
)


@dataclass
class Jitter:
    """How far a frame strays (standard deviations): roll in radians, log size, half sides."""

    roll: float
    size: float
    shift: float


ALIGNED = Jitter(0.06, 0.05, 0.03)  # a frame fitted to the net's own landmarks
DETECTED = Jitter(0.15, 0.11, 0.07)  # a frame from the detector


def jittered(frames: Tensor, jitter: Jitter, generator: torch.Generator) -> Tensor:
    """Frames (B, 2, 3) moved at random, at most by 2.2 standard deviations."""
    noise = torch.randn(len(frames), 4, generator=generator).clamp(-2.2, 2.2)
    angle = torch.atan2(frames[:, 1, 0], frames[:, 0, 0]) + noise[:, 0] * jitter.roll
    half = frame_size(frames) * torch.exp(noise[:, 1] * jitter.size)
    centre = frames[:, :, 2] + noise[:, 2:] * jitter.shift * half[:, None]
    return make_frames(centre, half, angle)


@dataclass
class Posed:
    """Faces of a batch before and after re-posing: points (B, V, 3), pixels of the stored crops."""

    index: Tensor
    before: Tensor
    after: Tensor
    moved: Tensor  # (B,) which ones were re-posed

    @staticmethod
    def draw(
        points: Tensor, bank: ShapeBank, index: Tensor, generator: torch.Generator, share=0.6
    ) -> Posed:
        """The faces ``index`` (B,), a ``share`` of them re-posed."""
        moved = torch.rand(len(index), generator=generator) < share
        before = points[index]
        after = torch.where(moved[:, None, None], bank.repose(index, generator), before)
        return Posed(index, before, after, moved)

    def crops(
        self, images: Tensor, frames: Tensor, height: int, width: int, generator: torch.Generator
    ) -> Tensor:
        """Crops (B, 3, height, width), 0..1, of the re-posed pictures at frames (B, 2, 3)."""
        positions = crop_grid(frames, height, width)
        read = positions.clone()
        if self.moved.any():
            some = self.moved
            coarse = crop_grid(frames[some], LATTICE * height // width, LATTICE)
            coarse = warp(coarse, self.before[some], self.after[some], SIZE).permute(0, 3, 1, 2)
            fine = F.interpolate(coarse, size=(height, width), mode="bilinear")
            read[some] = fine.permute(0, 2, 3, 1)
        source = images.index_select(0, self.index).float()
        crops = fill_outside(sample(source, read) / 255, read, images.shape[-1], generator)
        crops = paint_mouth(crops, positions, self, generator)
        return put_on_glasses(crops, positions, self.after, generator)


def training_crops(
    images: Tensor,
    points: Tensor,
    bank: ShapeBank,
    index: Tensor,
    size: int,
    generator: torch.Generator,
    aligned: float = 0.65,
) -> tuple[Tensor, Tensor]:
    """Crops (B, 3, size, size) 0..1 and points (B, V, 3) in crop coordinates of faces ``index``."""
    posed = Posed.draw(points, bank, index, generator)
    frames = fit_frames(posed.after, bank.mean * (2 / CROP_SIDE))
    near = torch.rand(len(index), generator=generator) < aligned
    frames = torch.where(
        near[:, None, None],
        jittered(frames, ALIGNED, generator),
        jittered(frames, DETECTED, generator),
    )
    crops = posed.crops(images, frames, size, size, generator)
    targets = to_crop(posed.after, frames)
    flip = torch.rand(len(index), generator=generator) < 0.5
    crops = torch.where(flip[:, None, None, None], crops.flip(-1), crops)
    mirrored = targets[:, mirror_index()] * torch.tensor([-1.0, 1.0, 1.0])
    return restyle(crops, generator), torch.where(flip[:, None, None], mirrored, targets)


def fill_outside(crops: Tensor, read: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Half of the crops get a plain colour or another crop where they reach past the picture."""
    count = len(crops)
    outside = ((read < 0) | (read > side)).any(-1)[:, None]
    kind = torch.rand(count, 1, 1, 1, generator=generator)
    colour = torch.rand(count, 3, 1, 1, generator=generator).expand_as(crops)
    fill = torch.where(kind < 0.25, crops.roll(1, 0).flip(-2), colour)
    return torch.where(outside & (kind < 0.5), fill, crops)


def paint_mouth(
    crops: Tensor, positions: Tensor, posed: Posed, generator: torch.Generator
) -> Tensor:
    """Paint the inside of mouths that the re-posing opened: dark red, often teeth or a tongue."""

    def gap(p):
        eyes = p[:, mesh.RIGHT_EYE_OUTER, :2] - p[:, mesh.LEFT_EYE_OUTER, :2]
        lips = p[:, mesh.LIP_LOWER_MIDDLE, 1] - p[:, mesh.LIP_UPPER_MIDDLE, 1]
        return lips / torch.linalg.vector_norm(eyes, dim=-1)

    before, after = gap(posed.before), gap(posed.after)
    opened = posed.moved & (after - before > OPENED) & (before < 0.06)
    which = torch.nonzero(opened)[:, 0]
    if not len(which):
        return crops
    count = len(which)
    depth = mouth_height(positions[which], posed.after[which])[:, None]

    def random(*shape):
        return torch.rand(*shape, generator=generator)

    dark = random(count, 3, 1, 1) * torch.tensor([0.3, 0.12, 0.12]).view(3, 1, 1) + 0.03
    tooth = 0.45 + 0.5 * random(count, 1, 1, 1) - random(count, 3, 1, 1) * 0.12
    teeth = random(count, 1, 1, 1) * 0.7 * (random(count, 1, 1, 1) < 0.7)
    tongue_from = 1.0 - 0.6 * random(count, 1, 1, 1) * (random(count, 1, 1, 1) < 0.4)
    tongue = dark + torch.tensor([0.45, 0.15, 0.15]).view(3, 1, 1) * random(count, 1, 1, 1)
    inside = torch.where(depth < teeth, tooth, torch.where(depth > tongue_from, tongue, dark))
    cover = ((depth > 0) & (depth < 1)).to(crops.dtype)
    cover = F.avg_pool2d(cover, 3, 1, 1)
    crops = crops.clone()
    crops[which] = crops[which] * (1 - cover) + inside * cover
    return crops


def restyle(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Colour, light, grey, drawing, resolution, blur, noise, occluders: each to some of them."""
    count, _, height, width = crops.shape

    def random(*shape):
        return torch.rand(*shape, generator=generator)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    def change(p, new):
        chosen = torch.nonzero(random(count) < p)[:, 0]
        if len(chosen):
            crops[chosen] = new(crops[chosen])

    def reduced(some):
        part = 0.32 + 0.68 * float(random(1))
        size = (round(height * part), round(width * part))
        low = F.interpolate(some, size=size, mode="bilinear", antialias=True)
        return F.interpolate(low, size=(height, width), mode="bilinear")

    def poster(some):
        levels = 3 + 6 * random(len(some), 1, 1, 1)
        return (some * levels).round() / levels

    def noisy(some):
        return some + normal(*some.shape) * 0.06 * random(len(some), 1, 1, 1)

    crops = crops.clamp(1e-3, 1)
    change(0.25, lambda some: occluded(some, generator))
    gamma = torch.exp(normal(count, 3, 1, 1) * 0.08 + normal(count, 1, 1, 1) * 0.35)
    gain = 1 + 0.15 * normal(count, 3, 1, 1)
    crops = crops**gamma * gain + 0.06 * normal(count, 3, 1, 1)
    change(0.3, lambda some: lit(some, generator))
    change(0.22, lambda some: some.mean(1, keepdim=True).expand_as(some))
    change(0.06, drawing)
    change(0.05, poster)
    change(0.25, reduced)
    change(0.15, lambda some: gaussian_blur(some, 0.5 + 1.5 * float(random(1)), BLUR_RADIUS))
    change(0.4, noisy)
    return crops.clamp(0, 1)


def lit(images: Tensor, generator: torch.Generator) -> Tensor:
    """Light that falls off in a random direction."""
    count, _, height, width = images.shape
    y = torch.linspace(-1, 1, height)[:, None]
    x = torch.linspace(-1, 1, width)[None]
    angle = torch.rand(count, 1, 1, 1, generator=generator) * 2 * math.pi
    strength = torch.rand(count, 1, 1, 1, generator=generator) * 0.6
    return images * (1 + strength * (angle.cos() * x + angle.sin() * y))


def drawing(images: Tensor) -> Tensor:
    """A pencil sketch: the grey picture divided by its blurred self."""
    grey = images.mean(1, keepdim=True).clamp(0, 1) + 0.05
    return (grey / gaussian_blur(grey, 2.5, BLUR_RADIUS)).clamp(0, 1.1).expand_as(images) ** 3


def occluded(crops: Tensor, generator: torch.Generator) -> Tensor:
    """A rotated rectangle or ellipse in front, filled with a colour or with another crop."""
    count, _, height, width = crops.shape

    def random(*shape):
        return torch.rand(*shape, generator=generator)

    y = torch.linspace(-1, 1, height)[:, None]
    x = torch.linspace(-1, 1, width)[None]
    angle, cx, cy = random(3, count, 1, 1, 1) * torch.tensor([6.28, 2, 2]).view(3, 1, 1, 1, 1)
    dx, dy = x - (cx - 1), y - (cy - 1)
    u = (angle.cos() * dx + angle.sin() * dy) / (0.1 + 0.5 * random(count, 1, 1, 1))
    v = (angle.cos() * dy - angle.sin() * dx) / (0.1 + 0.3 * random(count, 1, 1, 1))
    box = torch.maximum(u.abs(), v.abs())
    inside = torch.where(random(count, 1, 1, 1) < 0.5, box, (u.square() + v.square()).sqrt()) < 1
    fill = torch.where(
        random(count, 1, 1, 1) < 0.5, crops.roll(1, 0).roll(height // 3, -2), random(count, 3, 1, 1)
    )
    return torch.where(inside, fill, crops)
