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
from ...data.faces import FaceSet
from ...engine import Recipe, Training
from .augment import ALIGNED, CROP_SIDE, DETECTED, Jitter, jittered, restyle, training_crops
from .expressions import load_expressions
from .repose import ShapeBank, mean_shape

NEGATIVES = 8  # crops without a face in each batch


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
        """``NEGATIVES`` crops without a face: three in four what the detector takes for one, the
        others cut anywhere from pictures without a face, or beside a face."""
        crops = []
        for k in range(NEGATIVES):
            u = torch.rand(5, generator=generator)
            if k % 4:
                n = int(u[4] * len(self.frames))
                picture, frame = self.where[n], jittered(self.frames[n, None], ALIGNED, generator)
            elif k % 8:
                picture = int(u[4] * self.empty)
                frame = make_frames(u[None, :2] * 256, 24 + 130 * u[2:3], (u[3:4] - 0.5) * 6.28)
            else:
                face = int(u[4] * len(self.points))
                picture = self.empty + face
                frame = astray(fit_frames(self.points[face, None], mean), generator)
            crops.append(crop_at(self.pictures[picture, None].float() / 255, frame, size, size))
        return restyle(torch.cat(crops), generator)


@torch.no_grad()
def mine(detector: Detector, faces: FaceSet, mean: Tensor, file: Path) -> Negatives:
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


def astray(frame: Tensor, generator: torch.Generator) -> Tensor:
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
    faces: FaceSet, data: Path, cache: Path, recipe: Recipe, detector: Detector
) -> LandmarkNet:
    """Train for a given wall time; resumes from ``landmarks.ckpt`` in the cache."""
    images, points = faces.select("train")
    mean = mean_shape(points)
    bank = ShapeBank.build(points, load_expressions(data, mean, cache))
    net, share = LandmarkNet(), faces.shares()
    net.mean.copy_(mean * (2 / CROP_SIDE))
    negatives = mine(detector, faces, net.mean, cache / "hard_negatives.pt")
    training = Training(cache / "landmarks", net, recipe)
    generator, size = training.generator, net.config.size
    weights, labels = point_weights(), torch.cat([torch.ones(recipe.batch), torch.zeros(NEGATIVES)])
    while training.running():
        index = torch.multinomial(share, recipe.batch, replacement=True, generator=generator)
        crops, wanted = training_crops(images, points, bank, index, size, generator)
        crops = torch.cat([crops, negatives.crops(net.mean, size, generator)]).contiguous(
            memory_format=torch.channels_last
        )
        coarse, final, logit = net(crops)
        loss = point_loss(coarse[: recipe.batch], wanted, weights) * 0.5
        loss = loss + point_loss(final[: recipe.batch], wanted, weights)
        loss = loss + 0.3 * F.binary_cross_entropy_with_logits(logit, labels)
        training.step(loss)
        if training.due():
            training.report(examine(training.smooth, faces))
    training.report(examine(training.smooth, faces))
    return training.smooth


def examine(net: LandmarkNet, faces: FaceSet) -> dict[str, float]:
    """Errors on 200 real faces and on the generated identities that were held out."""
    images, points = faces.select("validation")
    some = torch.linspace(0, len(images) - 1, 200).long()
    real = validate(net, images[some], points[some], DETECTED)
    made = validate(net, *faces.select("held_out"), DETECTED)
    return {f"real_{k}": v for k, v in real.items()} | {f"held_out_{k}": v for k, v in made.items()}
