"""Train the detector on composites: labelled faces pasted on pictures without a face."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ....face.detector import STRIDE, UNIT, Detector, decode
from ....face.framing import (
    crop_grid,
    fit_frames,
    frame_angle,
    frame_size,
    make_frames,
    sample,
    to_crop,
    to_image,
)
from ....face.layers import channels_last
from ...data.faces import SIZE, FaceSet
from ...engine import Objective, Step, Trainer
from ...recipe import Recipe
from .augment import CROP_SIDE, restyle
from .repose import mean_shape

CANVAS = 192
SMALLEST, LARGEST = 9.0, 150.0  # half sides of faces on the canvas, pixels
FACES = torch.tensor([0.15, 0.5, 0.15, 0.12, 0.08])  # chances of 0, 1, 2 .. faces on a canvas
SLOTS = len(FACES) - 1


@dataclass(frozen=True)
class DetectorRecipe(Recipe):
    """How the detector is trained.

    Attributes:
        validation_canvases: Composites that it is measured on.
    """

    steps: int = 2198
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: float = 0.01
    clip: float = 5.0
    checkpoint_every: int = 300
    validation_canvases: int = 160


class PasteBank:
    """Faces to paste: at three sizes (256, 128, 64), their frames, how often each is drawn."""

    def __init__(self, images: Tensor, frames: Tensor, share: Tensor):
        half = F.avg_pool2d(images.float(), 2)
        self.levels = [images, half.byte(), F.avg_pool2d(half, 2).byte()]
        self.frames, self.share = frames, share


def composites(
    bank: PasteBank, negatives: Tensor, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Canvases (B, 3, 192, 192), frames of faces on them (B, SLOTS, 2, 3), which there are."""

    def random(*shape):
        return torch.rand(*shape, generator=generator)

    canvas = backgrounds(negatives, count, generator)
    faces = FACES.multinomial(count, replacement=True, generator=generator)
    limit = torch.where(faces > 1, LARGEST / 3, LARGEST)[:, None]
    half = SMALLEST * torch.exp(random(count, SLOTS) * torch.log(limit / SMALLEST))
    free = (CANVAS / 2 - 0.55 * half).clamp(min=0.1 * CANVAS)[..., None]
    centre = CANVAS / 2 + (random(count, SLOTS, 2) * 2 - 1) * free
    roll = (torch.randn(count, SLOTS, generator=generator) * 0.35).clamp(-1, 1)
    targets = make_frames(centre, half, roll)
    present = torch.arange(SLOTS) < faces[:, None]
    index = bank.share.multinomial(count * SLOTS, replacement=True, generator=generator)
    index, kind, flip = index.view(count, SLOTS), random(count, SLOTS), random(count, SLOTS)
    for slot in range(SLOTS):
        for k in torch.nonzero(present[:, slot])[:, 0].tolist():
            paste(
                canvas[k],
                bank,
                int(index[k, slot]),
                targets[k, slot],
                flip[k, slot],
                kind[k, slot],
            )
        away = torch.linalg.vector_norm(centre[:, :slot] - centre[:, slot, None], dim=-1)
        present[:, :slot] &= ~(
            present[:, slot, None] & (away < 0.9 * half[:, slot, None])
        )  # hidden
    distract(canvas, negatives, targets, present, generator)
    return restyle(canvas, generator), targets, present


def backgrounds(negatives: Tensor, count: int, generator) -> Tensor:
    """Cut-outs of pictures without a face, a fifth of them plain or blurred to a gradient."""

    def random(*shape):
        return torch.rand(*shape, generator=generator)

    index = torch.randint(len(negatives), (count,), generator=generator)
    side = SIZE / 2 * (0.35 + 0.65 * random(count))
    angle = (random(count) - 0.5) * 0.6
    cut = make_frames(SIZE / 2 + (random(count, 2) - 0.5) * (SIZE / 2 - side)[:, None], side, angle)
    canvas = sample(negatives.index_select(0, index).float(), crop_grid(cut, CANVAS, CANVAS)) / 255
    canvas = torch.where(random(count, 1, 1, 1) < 0.5, canvas.flip(-1), canvas)
    colour = random(count, 3, 1, 1).expand_as(canvas)
    return torch.where(random(count, 1, 1, 1) < 0.2, colour, canvas)


def paste(
    canvas: Tensor, bank: PasteBank, face: int, target: Tensor, flip: Tensor, kind: Tensor
) -> None:
    """Put a face on a canvas (3, 192, 192), so that its frame comes to lie on ``target`` (2, 3).

    ``kind`` below 0.3 pastes the head alone, else the whole picture; a large face above 0.45 brings
    its surroundings, the picture's rim repeated to the canvas's edge.
    """
    frame, half = bank.frames[face], float(frame_size(target))
    ratio = float(frame_size(frame)) / half  # stored pixels per canvas pixel
    level = min(2, max(0, round(math.log2(max(ratio, 1e-3)))))
    fill = kind > 0.45 and half > 0.3 * CANVAS
    reach = (
        CANVAS if fill else half * (1.2 if kind < 0.3 else 0.75 * SIZE / float(frame_size(frame)))
    )
    low = (target[:, 2] - reach).floor().clamp(0, CANVAS - 1).int().tolist()
    high = (target[:, 2] + reach).ceil().clamp(1, CANVAS).int().tolist()
    x, y = torch.arange(low[0], high[0]) + 0.5, torch.arange(low[1], high[1]) + 0.5
    if not len(x) or not len(y):
        return
    place = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]
    local = to_crop(place.view(1, -1, 2), target[None])
    head = (local[..., 0] / 0.78).square() + (local[..., 1] + 0.1).square() < 1
    local = torch.where(flip < 0.5, local * torch.tensor([-1.0, 1.0]), local)
    read = to_image(local, frame[None]).view_as(place)
    picture = sample(bank.levels[level][face, None].float(), read / 2**level)[0] / 255
    inside = ((read > 2) & (read < SIZE - 2)).all(-1) | torch.as_tensor(fill)
    if kind < 0.3:
        inside = inside & head.view_as(inside)
    cover = F.avg_pool2d(inside.float(), 3, 1, 1)
    window = canvas[:, low[1] : high[1], low[0] : high[0]]
    window.lerp_(picture, cover)


def distract(
    canvas: Tensor, negatives: Tensor, frames: Tensor, present: Tensor, generator: torch.Generator
) -> None:
    """Paste a piece of a picture without a face on half of the canvases, away from the faces:
    a pasted edge shall be no sign of a face."""
    u = torch.rand(len(canvas), 4, generator=generator)
    half = 8 * torch.exp(u[:, 0] * 2)
    centre = u[:, 1:3] * CANVAS
    away = torch.linalg.vector_norm(frames[..., 2] - centre[:, None], dim=-1)
    near = present & (away < 0.8 * frame_size(frames) + 1.3 * half[:, None])
    index = torch.randint(len(negatives), (len(canvas),), generator=generator)
    middle = make_frames(torch.full((1, 2), SIZE / 2), torch.tensor([SIZE / 2.0]), torch.zeros(1))
    target = make_frames(centre, half, (u[:, 0] - 0.5) * 2)
    for k in torch.nonzero((u[:, 3] < 0.5) & ~near.any(1))[:, 0].tolist():
        piece = PasteBank(negatives[index[k], None], middle, torch.ones(1))
        paste(canvas[k], piece, 0, target[k], u[k, 0], torch.tensor(0.4))


def targets(frames: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Maps to learn (B, 6, h, w) and the weight of the regressed ones (B, 1, h, w)."""
    side = CANVAS // STRIDE
    cell = torch.arange(side) + 0.5
    x, y = torch.meshgrid(cell, cell, indexing="xy")
    heat = torch.zeros(len(frames), side, side)
    maps = torch.zeros(len(frames), 5, side, side)
    for slot in range(frames.shape[1]):
        frame, there = frames[:, slot], present[:, slot, None, None]
        centre, half = frame[:, :, 2] / STRIDE, frame_size(frame)[:, None, None]
        dx, dy = x - centre[:, 0, None, None], y - centre[:, 1, None, None]
        sigma = 0.5 + 0.12 * half / STRIDE
        bump = torch.exp(-(dx.square() + dy.square()) / (2 * sigma.square())) * there
        at = (centre[:, 1].long() * side + centre[:, 0].long()).clamp(0, side * side - 1)
        bump.view(len(frames), -1).scatter_(1, at[:, None], there[:, :, 0].float())
        angle = frame_angle(frame)[:, None, None].expand_as(bump)
        size = (half / UNIT).log().expand_as(bump)
        own = torch.stack([0.5 - dx, 0.5 - dy, size, angle.cos(), angle.sin()], 1)
        maps = torch.where((bump > heat)[:, None], own, maps)
        heat = torch.maximum(heat, bump)
    return torch.cat([heat[:, None], maps], 1), (heat[:, None] > 0.55).float()


def detector_loss(maps: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Penalty-reduced focal loss on the heat, plain distances on place, size and roll."""
    heat, truth = maps[:, 0], wanted[:, 0]
    p = heat.sigmoid().clamp(1e-4, 1 - 1e-4)
    peak = (truth > 0.999).float()
    hit = -(peak * (1 - p).square() * p.log())
    miss = -((1 - peak) * (1 - truth) ** 4 * p.square() * (1 - p).log())
    focal = (hit + miss).sum() / peak.sum().clamp(min=1)
    share = maps.new_tensor([1, 1, 3, 3, 3]).view(1, 5, 1, 1)
    distance = (maps[:, 1:] - wanted[:, 1:]).abs() * share
    return focal + 0.3 * (distance * weight).sum() / weight.sum().clamp(min=1)


@torch.no_grad()
def validate(net: Detector, canvases: Tensor, frames: Tensor, present: Tensor) -> dict[str, float]:
    """Share of faces found at threshold 0.3, false ones per canvas, errors of size and roll."""
    found, wanted, wrong, size, roll, shift = 0, 0, 0, [], [], []
    for canvas, truth, there in zip(canvases.split(1), frames, present, strict=True):
        got, _ = decode(net(canvas), 0.3, 32)
        truth = truth[there]
        wanted += len(truth)
        away = torch.cdist(got[:, :, 2], truth[:, :, 2]) / frame_size(truth)
        if len(truth) and len(got):
            near, which = away.min(0)
            hit = near < 0.3
            found += int(hit.sum())
            matched = got[which[hit]]
            size += (frame_size(matched) / frame_size(truth[hit])).log().abs().tolist()
            turn = frame_angle(matched) - frame_angle(truth[hit])
            roll += torch.atan2(turn.sin(), turn.cos()).abs().rad2deg().tolist()
            shift += near[hit].tolist()
        wrong += int((away.min(1).values > 0.5).sum()) if len(truth) else len(got)
    mean = {
        k: sum(v) / max(len(v), 1) for k, v in {"size": size, "roll": roll, "shift": shift}.items()
    }
    return {"found": found / max(wanted, 1), "false": wrong / len(canvases), **mean}


def train_detector(faces: FaceSet, out: Path, recipe: DetectorRecipe) -> Detector:
    """Train, or go on from the checkpoint in ``out``."""
    torch.manual_seed(recipe.seed)
    images, points = faces.select("train")
    mean = mean_shape(points) * (2 / CROP_SIDE)
    bank = PasteBank(images, fit_frames(points, mean), faces.shares())
    negatives = faces.select_negatives("train")
    real, real_points = faces.select("validation")
    examples = composites(
        PasteBank(real, fit_frames(real_points, mean), torch.ones(len(real))),
        faces.select_negatives("held_out"),
        recipe.validation_canvases,
        torch.Generator().manual_seed(9),
    )
    net = channels_last(Detector())

    def batches(step: Step) -> tuple[Tensor, Tensor, Tensor]:
        canvas, placed, present = composites(bank, negatives, recipe.batch, step.generator)
        return canvas, *targets(placed, present)

    def loss(batch: tuple[Tensor, Tensor, Tensor], step: Step) -> tuple[Tensor, dict]:
        canvas, wanted, weight = batch
        maps = net(canvas.contiguous(memory_format=torch.channels_last))
        return detector_loss(maps, wanted, weight), {}

    return Trainer(
        out,
        recipe,
        {"detector": Objective(net, loss)},
        batches,
        lambda networks: validate(networks["detector"], *examples),
    ).run()["detector"]
