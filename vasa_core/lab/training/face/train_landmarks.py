"""Train the landmark network (see ``train.py`` for the one command)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ....face import topology as mesh
from ....face.detector import Detector
from ....face.framing import crop_at, fit_frames, frame_size, make_frames, to_image
from ....face.landmark_net import LandmarkNet
from ....face.layers import channels_last
from ...data.faces import FaceSet
from ...engine import Objective, Step, Trainer, main_process_first
from ...recipe import Recipe
from .augment import ALIGNED, CROP_SIDE, DETECTED, Jitter, jittered, restyle, training_crops
from .expressions import load_expressions
from .repose import ShapeBank, mean_shape

NEGATIVES = 8  # crops without a face in each batch
EXAMINED = 200  # real faces that the net is measured on


@dataclass(frozen=True)
class LandmarkRecipe(Recipe):
    """How the landmark network is trained."""

    steps: int = 4634
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: float = 0.01
    clip: float = 5.0
    checkpoint_every: int = 450


def point_weights() -> Tensor:
    """(V, 3): lips, lids and irises count three times, depth a quarter."""
    weights = torch.ones(mesh.VERTICES, 3)
    weights[[*mesh.LIPS, *mesh.LIDS, *mesh.IRISES]] = 3.0
    weights[:, 2] *= 0.25
    return weights / weights.mean()


def point_loss(points: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """log(1 + 25 e), e the error of a coordinate over the eye distance of the mean face."""
    error = (points - targets).abs() * (CROP_SIDE / 2)
    return (torch.log1p(25 * error) * weights).mean()


@dataclass
class Negatives:
    """Pictures (P, 3, 256, 256) uint8 with and without faces, and frames that show no face.

    Frame ``frames[n]`` (2, 3) lies in picture ``where[n]``: a place that the detector takes for a
    face.
    The first ``empty`` pictures show no face; ``points`` (P - empty, V, 3) belong to the others.
    """

    pictures: Tensor
    empty: int
    points: Tensor
    where: Tensor
    frames: Tensor

    def crops(self, mean: Tensor, size: int, generator: torch.Generator) -> Tensor:
        """``NEGATIVES`` crops without a face: three in four what the detector takes for one, where
        it errs at all, the others cut anywhere from pictures without a face, or beside a face."""
        crops = []
        for k in range(NEGATIVES):
            u = torch.rand(5, generator=generator)
            if k % 4 and len(self.frames):
                n = int(u[4] * len(self.frames))
                picture, frame = self.where[n], jittered(self.frames[n, None], ALIGNED, generator)
            elif k % 8:
                picture = int(u[4] * self.empty)
                frame = make_frames(u[None, :2] * 256, 24 + 130 * u[2:3], (u[3:4] - 0.5) * 6.28)
            else:
                face = int(u[4] * len(self.points))
                picture = self.empty + face
                frame = misplaced_frame(fit_frames(self.points[face, None], mean), generator)
            crops.append(crop_at(self.pictures[picture, None].float() / 255, frame, size, size))
        return restyle(torch.cat(crops), generator)


@torch.no_grad()
def mine_hard_negatives(detector: Detector, faces: FaceSet, mean: Tensor, file: Path) -> Negatives:
    """Places in training pictures that the detector takes for faces, wrongly; kept in ``file``."""
    images, points = faces.select("train")
    empty, images, points = faces.select_negatives("train"), images[::4], points[::4]
    pictures = torch.cat([empty, images])
    if not file.exists():
        where, frames = [], []
        truth = fit_frames(points, mean)
        for n, picture in enumerate(pictures):
            found, _ = detector.find(picture[None].float() / 255, 0.05, 12)
            if n >= len(empty):
                face = truth[n - len(empty)]
                away = torch.linalg.vector_norm(found[:, :, 2] - face[:, 2], dim=-1)
                ratio = (frame_size(found) / frame_size(face[None])).log().abs()
                found = found[(away > 0.6 * frame_size(face[None])) | (ratio > 0.9)]
            frames.append(found)
            where.append(torch.full((len(found),), n))
        torch.save({"where": torch.cat(where), "frames": torch.cat(frames)}, file)
    return Negatives(pictures, len(empty), points, **torch.load(file))


def misplaced_frame(frame: Tensor, generator: torch.Generator) -> Tensor:
    """A frame (1, 2, 3) that misses the face: beside it, or with a part of it only."""
    u = torch.rand(4, generator=generator)
    angle, half = 6.28 * u[0:1], torch.linalg.vector_norm(frame[:, :, 0], dim=-1)
    size = half * torch.exp(u[1:2] * 1.6 - 1.4)
    away = (half * 0.75 + size * 0.5) * (1 + 0.5 * u[2:3])
    move = torch.stack([angle.cos() * away, angle.sin() * away], -1)
    return make_frames(frame[:, :, 2] + move, size, (u[3:] - 0.5) * 2)


@torch.no_grad()
def validate(net: LandmarkNet, images: Tensor, points: Tensor, jitter: Jitter) -> dict[str, float]:
    """Errors in percent of the eye distance, from frames that stray, in two passes."""
    generator = torch.Generator().manual_seed(1)
    mean, size = net.mean, net.config.size
    frames = jittered(fit_frames(points, mean), jitter, generator)
    found = []
    for image, frame in zip(images.split(1), frames.split(1), strict=True):
        picture = image.float() / 255
        for _ in range(2):
            result = to_image(net(crop_at(picture, frame, size, size))[1], frame)
            frame = fit_frames(result, mean)
        found.append(result)
    return errors(torch.cat(found), points)


def errors(found: Tensor, points: Tensor) -> dict[str, float]:
    """Median over faces of mean point errors (2D), percent of the outer-eye distance."""
    eyes = points[:, mesh.RIGHT_EYE_OUTER, :2] - points[:, mesh.LEFT_EYE_OUTER, :2]
    error = torch.linalg.vector_norm(found[..., :2] - points[..., :2], dim=-1)
    error = 100 * error / torch.linalg.vector_norm(eyes, dim=-1)[:, None]
    face = error.mean(1)
    return {
        "all": float(face.median()),
        "p90": float(face.quantile(0.9)),
        "lips": float(error[:, list(mesh.LIPS)].mean(1).median()),
        "lids": float(error[:, list(mesh.LIDS)].mean(1).median()),
        "iris": float(error[:, list(mesh.IRISES)].mean(1).median()),
    }


def train_landmarks(
    faces: FaceSet, data: Path, work: Path, out: Path, recipe: LandmarkRecipe, detector: Detector
) -> LandmarkNet:
    """Train, or go on from the checkpoint in ``out``; material is kept in ``work``."""
    torch.manual_seed(recipe.seed)
    images, points = faces.select("train")
    mean, net = mean_shape(points), channels_last(LandmarkNet())
    net.mean.copy_(mean * (2 / CROP_SIDE))
    size, share, own_mean = net.config.size, faces.shares(), net.mean.clone()
    with main_process_first():
        bank = ShapeBank.build(points, load_expressions(data, mean, work))
        negatives = mine_hard_negatives(detector, faces, own_mean, work / "hard_negatives.pt")
    weights, labels = point_weights(), torch.cat([torch.ones(recipe.batch), torch.zeros(NEGATIVES)])

    def batches(step: Step) -> tuple[Tensor, Tensor]:
        generator = step.generator
        index = torch.multinomial(share, recipe.batch, replacement=True, generator=generator)
        crops, wanted = training_crops(images, points, bank, index, size, generator)
        return torch.cat([crops, negatives.crops(own_mean, size, generator)]), wanted

    def loss(batch: tuple[Tensor, Tensor], step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        crops, wanted = batch
        coarse, final, logit = net(crops.contiguous(memory_format=torch.channels_last))
        coarse, final = (
            point_loss(x[: recipe.batch], wanted, weights.to(wanted)) for x in (coarse, final)
        )
        face = F.binary_cross_entropy_with_logits(logit, labels.to(logit))
        return 0.5 * coarse + final + 0.3 * face, {"points": final, "face": face}

    return Trainer(
        out,
        recipe,
        {"landmarks": Objective(net, loss)},
        batches,
        lambda networks: examine(networks["landmarks"], faces),
    ).run()["landmarks"]


def examine(net: LandmarkNet, faces: FaceSet) -> dict[str, float]:
    """Errors on some real faces and on the generated identities that were held out."""
    images, points = faces.select("validation")
    some = torch.linspace(0, len(images) - 1, min(EXAMINED, len(images))).long()
    real = validate(net, images[some], points[some], DETECTED)
    made = validate(net, *faces.select("held_out"), DETECTED)
    return {f"real_{k}": v for k, v in real.items()} | {f"held_out_{k}": v for k, v in made.items()}
