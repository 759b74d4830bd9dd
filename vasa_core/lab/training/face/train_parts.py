"""Train the closer looks at lips and eyes (see ``train.py`` for the one command)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ....face import topology as mesh
from ....face.framing import fit_frames, to_crop, to_image
from ....face.layers import channels_last
from ....face.part_net import (
    EYE_CONFIG,
    LEFT_EYE,
    LIPS,
    LIPS_CONFIG,
    RIGHT_EYE,
    PartNet,
    part_frames,
)
from ...data.faces import FaceSet
from ...engine import Objective, Step, Trainer, main_process_first
from ...recipe import Recipe
from .augment import CROP_SIDE, Jitter, Posed, jittered, restyle
from .expressions import load_expressions
from .repose import ShapeBank, mean_shape

MISSED = Jitter(0.06, 0.06, 0.09)  # how far a part's crop strays: errors of the first look
MIRROR = torch.tensor([-1.0, 1.0])
EXAMINED = 150  # faces of each kind that the networks are measured on


@dataclass(frozen=True)
class PartsRecipe(Recipe):
    """How the networks for lips and eyes are trained."""

    steps: int = 3527
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: float = 0.01
    clip: float = 5.0
    checkpoint_every: int = 900


class Parts(nn.Module):
    """Both networks, trained side by side on the same faces."""

    def __init__(self):
        super().__init__()
        self.lips, self.eye = PartNet(LIPS_CONFIG), PartNet(EYE_CONFIG)


def lips_batch(posed: Posed, images: Tensor, frames: Tensor, generator) -> tuple[Tensor, Tensor]:
    """Lip crops and points (B, K, 2) in them, half of them mirrored."""
    config = LIPS_CONFIG
    frame = jittered(part_frames(posed.after, frames, LIPS, config.side), MISSED, generator)
    crops = posed.crops(images, frame, config.height, config.width, generator)
    points = to_crop(posed.after[:, LIPS, :2], frame)
    order = [LIPS.index(i) for i in mesh.mirror_index()[LIPS].tolist()]
    flip = torch.rand(len(crops), generator=generator) < 0.5
    crops = torch.where(flip[:, None, None, None], crops.flip(-1), crops)
    points = torch.where(flip[:, None, None], points[:, order] * MIRROR, points)
    return restyle(crops, generator), points


def eye_batch(posed: Posed, images: Tensor, frames: Tensor, generator) -> tuple[Tensor, Tensor]:
    """Crops of right eyes and of mirrored left eyes, and points (B, K, 2) in them."""
    config = EYE_CONFIG
    left = torch.rand(len(frames), generator=generator) < 0.5
    frame = torch.where(
        left[:, None, None],
        part_frames(posed.after, frames, LEFT_EYE, config.side),
        part_frames(posed.after, frames, RIGHT_EYE, config.side),
    )
    frame = jittered(frame, MISSED, generator)
    crops = posed.crops(images, frame, config.height, config.width, generator)
    crops = torch.where(left[:, None, None, None], crops.flip(-1), crops)
    points = torch.where(
        left[:, None, None],
        to_crop(posed.after[:, LEFT_EYE, :2], frame) * MIRROR,
        to_crop(posed.after[:, RIGHT_EYE, :2], frame),
    )
    return restyle(crops, generator), points


def part_loss(found: Tensor, points: Tensor, side: float, weights: Tensor) -> Tensor:
    """log(1 + 50 e), e the error of a coordinate over the eye distance of the mean face."""
    return (torch.log1p(50 * (found - points).abs() * side * CROP_SIDE / 2) * weights).mean()


def centred(points: Tensor, face: Tensor, part: list[int], side: float) -> Tensor:
    """A part's mean points (K, 2) in its own crop, from the mean face (V, 3)."""
    frame = part_frames(face[None], fit_frames(face[None], face), part, side)
    return to_crop(points[None, part, :2], frame)[0]


def train_parts(faces: FaceSet, data: Path, work: Path, out: Path, recipe: PartsRecipe) -> Parts:
    """Train, or go on from the checkpoint in ``out``; material is kept in ``work``."""
    torch.manual_seed(recipe.seed)
    images, points = faces.select("train")
    mean = mean_shape(points)
    with main_process_first():
        bank = ShapeBank.build(points, load_expressions(data, mean, work))
    mean, share = mean * (2 / CROP_SIDE), faces.shares()
    nets = channels_last(Parts())
    nets.lips.mean.copy_(centred(mean, mean, LIPS, LIPS_CONFIG.side))
    nets.eye.mean.copy_(centred(mean, mean, RIGHT_EYE, EYE_CONFIG.side))
    rims = {*mesh.RIGHT_LID_UPPER, *mesh.RIGHT_LID_LOWER, *mesh.RIGHT_IRIS}
    eye_weights = torch.tensor([1.0 if i in rims else 0.4 for i in RIGHT_EYE])[:, None]
    weights = {"lips": torch.ones(1), "eye": eye_weights}

    def batches(step: Step) -> dict[str, tuple[Tensor, Tensor]]:
        index = torch.multinomial(share, recipe.batch, True, generator=step.generator)
        posed = Posed.draw(points, bank, index, step.generator)
        frames = fit_frames(posed.after, mean)
        return {
            "lips": lips_batch(posed, images, frames, step.generator),
            "eye": eye_batch(posed, images, frames, step.generator),
        }

    def loss(
        batch: dict[str, tuple[Tensor, Tensor]], step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        parts = {}
        for name, (crops, wanted) in batch.items():
            net = getattr(nets, name)
            found = net(crops.contiguous(memory_format=torch.channels_last))
            parts[name] = part_loss(found, wanted, net.config.side, weights[name].to(wanted))
        return parts["lips"] + parts["eye"], parts

    return Trainer(
        out,
        recipe,
        {"parts": Objective(nets, loss)},
        batches,
        lambda networks: examine(networks["parts"], faces, mean),
    ).run()["parts"]


@torch.no_grad()
def examine(nets: Parts, faces: FaceSet, mean: Tensor) -> dict[str, float]:
    """Median over faces of the errors (percent of the eye distance) from crops that stray."""
    generator = torch.Generator().manual_seed(2)
    result = {}
    for split in ("validation", "held_out"):
        images, points = faces.select(split)
        count = min(EXAMINED, len(images))
        some = torch.linspace(0, len(images) - 1, count).long()
        images, points = images[some], points[some]
        frames = fit_frames(points, mean)
        posed = Posed(torch.arange(count), points, points, torch.zeros(count, dtype=torch.bool))
        eyes = points[:, mesh.RIGHT_EYE_OUTER, :2] - points[:, mesh.LEFT_EYE_OUTER, :2]
        unit = torch.linalg.vector_norm(eyes, dim=-1)[:, None] / 100
        for net, part, name in ((nets.lips, LIPS, "lips"), (nets.eye, RIGHT_EYE, "eye")):
            config = net.config
            frame = jittered(part_frames(points, frames, part, config.side), MISSED, generator)
            crops = posed.crops(images, frame, config.height, config.width, generator)
            found = to_image(net(crops), frame)
            error = torch.linalg.vector_norm(found - points[:, part, :2], dim=-1) / unit
            result[f"{split}_{name}"] = float(error.mean(1).median())
    return result
