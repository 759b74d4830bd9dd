"""New views and expressions of labelled stills: points move in 3D, the picture is warped along.

The landmarks of a still are turned in yaw and pitch, mixed with another face's shape and moved by
an expression of a talking clip; a smooth warp makes the picture to the new labels.
An opened mouth is painted dark with a row of teeth.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ....face import topology as mesh
from ....face.geometry import RigidFit, fit_similarity, rotation_angles, rotation_matrix
from ....face.topology import mirror_index

INNER_UPPER, INNER_LOWER = list(mesh.LIP_UPPER_INNER), list(mesh.LIP_LOWER_INNER)
CONTROLS = sorted(
    {*INNER_UPPER, *INNER_LOWER, *mesh.LIP_UPPER_OUTER, *mesh.LIP_LOWER_OUTER}
    | {
        *mesh.LIDS,
        *mesh.OVAL,
        *mesh.RIGID,
        *mesh.IRISES,
        *mesh.RIGHT_CREASE[0],
        *mesh.LEFT_CREASE[0],
        *mesh.RIGHT_BROW,
        *mesh.LEFT_BROW,
    }
    # and, without names, some of the nose, the cheeks and the chin
    | {1, 2, 98, 327, 64, 294, 48, 278, 50, 280}
    | {205, 425, 187, 411, 147, 376, 118, 347, 164, 200, 18, 83, 313, 212, 432, 57, 287}
)
FURTHEST = 43.0  # yaw in degrees to which a face is turned
OPENED = 0.03  # a mouth that opens by more than this (in eye distances) is painted


def mean_shape(points: Tensor) -> Tensor:
    """Mean face (V, 3) of points (B, V, 3): upright, eye distance 1, centred on its box."""
    shape = points[0]
    for _ in range(4):
        shape = fit_similarity(shape, points).canonical(points).mean(0)
        mirrored = shape[None, mirror_index()] * torch.tensor([-1.0, 1.0, 1.0])
        shape = (shape + fit_similarity(shape, mirrored).canonical(mirrored)[0]) / 2
        shape = shape - (shape[mesh.RIGHT_EYE_OUTER] + shape[mesh.LEFT_EYE_OUTER]) / 2
        across = shape[mesh.LEFT_EYE_OUTER] - shape[mesh.RIGHT_EYE_OUTER]
        shape = shape / torch.linalg.vector_norm(across)
        x = across / torch.linalg.vector_norm(across)
        down = shape[mesh.CHIN] - shape[mesh.FOREHEAD]
        y = down - (down @ x) * x
        y = y / torch.linalg.vector_norm(y)
        shape = shape @ torch.stack([x, y, torch.linalg.cross(x, y)], 1)
    return shape - torch.tensor([0.0, float(shape[:, 1].aminmax()[0] + shape[:, 1].max()) / 2, 0.0])


@dataclass
class ShapeBank:
    """Faces without their pose, their poses, and expressions, all in the mean face's frame."""

    mean: Tensor  # (V, 3) eye distance 1
    pose: RigidFit  # of each face
    shapes: Tensor  # (B, V, 3)
    expressions: Tensor  # (E, V, 3)

    @staticmethod
    def build(points: Tensor, expressions: Tensor) -> ShapeBank:
        """From the training faces (B, V, 3), pixels, and expressions (E, V, 3)."""
        mean = mean_shape(points)
        pose = fit_similarity(mean, points)
        return ShapeBank(mean, pose, pose.canonical(points), expressions)

    def repose(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """New points (B, V, 3), pixels, for the faces ``index`` (B,)."""

        def random(*shape):
            return torch.rand(*shape, generator=generator)

        def normal(*shape):
            return torch.randn(*shape, generator=generator)

        count = len(index)
        donor = torch.randint(len(self.shapes), (count,), generator=generator)
        mix = random(count, 1, 1) * 0.7 * (random(count, 1, 1) < 0.6)
        shape = self.shapes[index] * (1 - mix) + self.shapes[donor] * mix
        which = torch.randint(len(self.expressions), (count,), generator=generator)
        gain = (0.4 + 1.8 * random(count, 1, 1)) * (random(count, 1, 1) < 0.6)
        shape = keep_order(shape + self.expressions[which] * gain)
        turn = normal(count, 3) * torch.tensor([14.0, 8.0, 0.0])
        turn = turn.clamp(torch.tensor([-28.0, -16, 0]), torch.tensor([28.0, 16, 0]))
        turn = turn * (random(count, 1) < 0.75)
        yaw = rotation_angles(self.pose.rotation[index])[:, 0] + turn[:, 0]
        turn[:, 0] = torch.where(yaw.abs() > FURTHEST, -turn[:, 0], turn[:, 0])
        rotation = rotation_matrix(turn) @ self.pose.rotation[index]
        placed = self.pose.scale[index, None, None] * shape @ rotation.mT
        return placed + self.pose.shift[index, None]


def keep_order(shape: Tensor, least: float = 0.006) -> Tensor:
    """Upper lids and lips stay above lower ones, with a slit of ``least`` eye distances."""
    shape = shape.clone()
    for upper, lower in (
        (mesh.RIGHT_LID_UPPER, mesh.RIGHT_LID_LOWER),
        (mesh.LEFT_LID_UPPER, mesh.LEFT_LID_LOWER),
        (INNER_UPPER, INNER_LOWER),
    ):
        top, bottom = list(upper)[1:-1], list(lower)[1:-1]
        cross = (least - (shape[:, bottom, 1] - shape[:, top, 1])).clamp(min=0) / 2
        shape[:, top, 1] -= cross
        shape[:, bottom, 1] += cross
    return shape


def warp(positions: Tensor, before: Tensor, after: Tensor, size: int) -> Tensor:
    """Where to read the picture: positions (B, h, w, 2) of the new picture to the old one, pixels.

    A radial-basis warp with kernel |r| through the control points; the picture's rim stays.
    """
    rim = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]) * 1.3 - 0.15
    edge = torch.stack(torch.meshgrid(rim, rim, indexing="xy"), -1).view(-1, 2)
    edge = edge[(edge < 0).any(1) | (edge > 1).any(1)] * size
    edge = edge.expand(len(before), -1, -1)
    source = torch.cat([before[:, CONTROLS, :2], edge], 1)
    target = torch.cat([after[:, CONTROLS, :2], edge], 1)
    count = target.shape[1]
    system = torch.zeros(len(before), count + 3, count + 3)
    system[:, :count, :count] = torch.cdist(target, target) - 0.3 * torch.eye(count)
    system[:, :count, count:] = torch.cat([torch.full_like(target[..., :1], size), target], 2)
    system[:, count:, :count] = system[:, :count, count:].mT
    value = torch.cat([source - target, torch.zeros(len(before), 3, 2)], 1)
    weights = torch.linalg.solve(system, value)
    flat = positions.reshape(len(before), -1, 2)
    move = (weights[:, :count].mT @ torch.cdist(target, flat)).mT
    affine = weights[:, count:]
    move = move + size * affine[:, :1] + flat @ affine[:, 1:]
    return (flat + move).view_as(positions)


def mouth_height(positions: Tensor, points: Tensor) -> Tensor:
    """How deep each position (B, h, w, 2) lies in the mouth (B, h, w): 0 at the upper inner lip,
    1 at the lower one, outside 0..1 elsewhere."""
    left, right = points[:, INNER_UPPER[0], :2], points[:, INNER_UPPER[-1], :2]
    across = right - left
    width = torch.linalg.vector_norm(across, dim=-1).clamp(min=1e-3)
    axis = across / width[:, None]
    basis = torch.stack([axis, torch.stack([-axis[:, 1], axis[:, 0]], -1)], -1)  # columns x, y

    def level(p):
        return ((p - left[:, None]) @ basis) / width[:, None, None]

    flat = level(positions.reshape(len(points), -1, 2))
    upper = contour(level(points[:, INNER_UPPER, :2]), flat[..., 0])
    lower = contour(level(points[:, INNER_LOWER, :2]), flat[..., 0])
    depth = (flat[..., 1] - upper) / (lower - upper).clamp(min=1e-3)
    inside = (flat[..., 0] > 0.02) & (flat[..., 0] < 0.98) & (lower - upper > 0.01)
    return torch.where(inside, depth, torch.full_like(depth, -1.0)).view(positions.shape[:-1])


def contour(line: Tensor, x: Tensor) -> Tensor:
    """Height (B, P) of a line of points (B, K, 2), ordered in x, at x (B, P)."""
    start = line[:, :-1].contiguous()
    at = torch.searchsorted(start[..., 0].contiguous(), x.contiguous()).sub(1).clamp(min=0)
    x0, y0 = start[..., 0].gather(1, at), start[..., 1].gather(1, at)
    x1, y1 = line[:, 1:, 0].gather(1, at), line[:, 1:, 1].gather(1, at)
    return y0 + (y1 - y0) * ((x - x0) / (x1 - x0).clamp(min=1e-4)).clamp(0, 1)
