"""Rigid pose of a face mesh: angles, rotation matrices, and the fit of the canonical mesh.

Weak perspective throughout: a canonical vertex c is seen at ``scale * R @ c + shift`` and drawn at
its x and y. See ``vasa_core.types`` for axes and signs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .topology import LEFT_EYE_OUTER, RIGHT_EYE_OUTER, RIGID


@dataclass(frozen=True, slots=True)
class RigidFit:
    """Pose of B faces: rotation (B, 3, 3), scale (B,) in pixels per eye distance, shift (B, 3)."""

    rotation: Tensor
    scale: Tensor
    shift: Tensor

    def canonical(self, landmarks: Tensor) -> Tensor:
        """(B, V, 3) pixels to canonical coordinates, in eye distances."""
        return (landmarks - self.shift[:, None]) @ self.rotation / self.scale[:, None, None]


def rotation_matrix(angles: Tensor) -> Tensor:
    """(..., 3) yaw, pitch, roll in degrees to (..., 3, 3): roll after yaw after pitch."""
    yaw, pitch, roll = torch.deg2rad(angles).unbind(-1)
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*rows):
        return torch.stack([torch.stack(row, -1) for row in rows], -2)

    about_y = matrix((yaw.cos(), zero, -yaw.sin()), (zero, one, zero), (yaw.sin(), zero, yaw.cos()))
    about_x = matrix(
        (one, zero, zero), (zero, pitch.cos(), pitch.sin()), (zero, -pitch.sin(), pitch.cos())
    )
    about_z = matrix(
        (roll.cos(), -roll.sin(), zero), (roll.sin(), roll.cos(), zero), (zero, zero, one)
    )
    return about_z @ about_y @ about_x


def rotation_angles(rotation: Tensor) -> Tensor:
    """(..., 3, 3) to (..., 3) yaw, pitch, roll in degrees; the inverse of ``rotation_matrix``."""
    yaw = torch.asin(rotation[..., 2, 0].clamp(-1, 1))
    pitch = torch.atan2(-rotation[..., 2, 1], rotation[..., 2, 2])
    roll = torch.atan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return torch.rad2deg(torch.stack([yaw, pitch, roll], -1))


def own_roll(rotation: Tensor) -> Tensor:
    """(..., 3, 3) to the (..., 3, 3) of its roll alone: from the axes of a level head to its own.

    Where a head moves is told along these axes, in every face space: a head that lies on its side
    nods to the side.
    """
    roll = rotation_angles(rotation) * rotation.new_tensor([0.0, 0.0, 1.0])
    return rotation_matrix(roll)


def fit_similarity(source: Tensor, target: Tensor) -> RigidFit:
    """Least-squares similarity (Umeyama 1991) of (V, 3) or (B, V, 3) points onto (B, V, 3)."""
    source = source.expand_as(target)
    source_mean, target_mean = source.mean(1, keepdim=True), target.mean(1, keepdim=True)
    source, target = source - source_mean, target - target_mean
    u, spectrum, vt = torch.linalg.svd(target.mT @ source)
    sign = torch.ones_like(spectrum)
    sign[:, 2] = torch.det(u @ vt).sign()
    rotation = u @ torch.diag_embed(sign) @ vt
    scale = (spectrum * sign).sum(1) / source.square().sum((1, 2))
    shift = (target_mean - scale[:, None, None] * source_mean @ rotation.mT).squeeze(1)
    return RigidFit(rotation, scale, shift)


def fit_pose(landmarks: Tensor, canonical: Tensor) -> RigidFit:
    """Pose of (B, V, 3) landmarks in pixels from the rigid points of the (V, 3) canonical mesh."""
    rigid = list(RIGID)
    return fit_similarity(canonical[rigid], landmarks[:, rigid])


def eye_distance(landmarks: Tensor) -> Tensor:
    """(..., V, 3) to (...): distance of the outer eye corners in the picture plane and depth."""
    return (landmarks[..., RIGHT_EYE_OUTER, :] - landmarks[..., LEFT_EYE_OUTER, :]).norm(dim=-1)
