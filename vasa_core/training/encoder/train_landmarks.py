"""Train the landmark network (see ``train.py`` for the one command)."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vasa_core.spaces.mesh import topology as mesh
from vasa_core.spaces.mesh.encoder.framing import cut, fit_frames, make_frames, to_image
from vasa_core.spaces.mesh.encoder.landmark_net import LandmarkNet
from vasa_core.training.encoder.augment import (
    CROP_SIDE,
    DETECTED,
    Jitter,
    jittered,
    restyle,
    training_crops,
)
from vasa_core.training.encoder.data import Faces
from vasa_core.training.encoder.expressions import load_expressions
from vasa_core.training.encoder.repose import ShapeBank, mean_shape
from vasa_core.training.encoder.schedule import Recipe, Training

NEGATIVES = 4  # crops without a face in each batch


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


def negative_crops(
    negatives: Tensor,
    faces: Tensor,
    points: Tensor,
    mean: Tensor,
    size: int,
    generator: torch.Generator,
) -> Tensor:
    """Crops without a face: of pictures without one, and beside or deep inside a face."""
    crops = []
    for k in range(NEGATIVES):
        if k % 2 == 0:
            pick = int(torch.randint(len(negatives), (1,), generator=generator))
            picture = negatives[pick : pick + 1].float() / 255
            u = torch.rand(4, generator=generator)
            frame = make_frames(u[None, :2] * 256, 24 + 130 * u[2:3], (u[3:] - 0.5) * 6.28)
        else:
            pick = int(torch.randint(len(faces), (1,), generator=generator))
            picture = faces[pick : pick + 1].float() / 255
            frame = astray(fit_frames(points[pick : pick + 1], mean), generator)
        crops.append(cut(picture, frame, size, size))
    return restyle(torch.cat(crops), generator)


def astray(frame: Tensor, generator: torch.Generator) -> Tensor:
    """A frame (1, 2, 3) that misses the face: beside it, or with a part of it only."""
    u = torch.rand(4, generator=generator)
    angle, half = 6.28 * u[0:1], torch.linalg.vector_norm(frame[:, :, 0], dim=-1)
    size = half * torch.exp(torch.log(torch.tensor(0.25)) + u[1:2] * 1.6)
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
            result = to_image(net(cut(picture, frame, size, size))[1], frame)
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


def train_landmarks(faces: Faces, data: Path, cache: Path, recipe: Recipe) -> LandmarkNet:
    """Train for a given wall time; resumes from ``landmarks.ckpt`` in the cache."""
    images, points = faces.select("train")
    mean = mean_shape(points)
    bank = ShapeBank.build(points, load_expressions(data, mean, cache))
    negatives, share = faces.select_negatives("train"), faces.shares()
    net = LandmarkNet()
    net.mean.copy_(mean * (2 / CROP_SIDE))
    training = Training(cache / "landmarks", net, recipe)
    generator, size = training.generator, net.config.size
    weights, labels = point_weights(), torch.cat([torch.ones(recipe.batch), torch.zeros(NEGATIVES)])
    while training.running():
        index = torch.multinomial(share, recipe.batch, replacement=True, generator=generator)
        crops, wanted = training_crops(images, points, bank, index, size, generator)
        empty = negative_crops(negatives, images, points, net.mean, size, generator)
        crops = torch.cat([crops, empty]).contiguous(memory_format=torch.channels_last)
        coarse, final, logit = net(crops)
        loss = point_loss(coarse[: recipe.batch], wanted, weights) * 0.5
        loss = loss + point_loss(final[: recipe.batch], wanted, weights)
        loss = loss + 0.1 * F.binary_cross_entropy_with_logits(logit, labels)
        training.step(loss)
        if training.due():
            training.report(examine(training.smooth, faces))
    training.report(examine(training.smooth, faces))
    return training.smooth


def examine(net: LandmarkNet, faces: Faces) -> dict[str, float]:
    """Errors on 200 real faces and on the generated identities that were held out."""
    images, points = faces.select("validation")
    some = torch.linspace(0, len(images) - 1, 200).long()
    real = validate(net, images[some], points[some], DETECTED)
    made = validate(net, *faces.select("held_out"), DETECTED)
    return {f"real_{k}": v for k, v in real.items()} | {f"held_out_{k}": v for k, v in made.items()}
