"""More photos of the same face: what each of them shows best is fused into the frames.

Every photo's appearance is warped to the driven keypoints, as the base portrait's is; the warped
features are averaged, inside the face, by how near each photo's pose and expression are. Body and
background stay the base portrait's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..curves import smoothstep
from .keypoints import FaceState
from .networks.warping import WarpSource
from .painter import Painter, quickest_convolutions

TURN = 10.0  # degrees between heads at which a photo counts e times less
FACE = (0.8, 1.1)  # soft edge of the face, in distances of the furthest keypoint from their middle
LEAST = 0.05  # share below which a photo is left out


@dataclass(frozen=True, slots=True, repr=False)
class FaceView:
    """One more photo: the face's own state in it, and what the warping network needs of it."""

    state: FaceState
    source: WarpSource


def view_weights(wanted: FaceState, photos: Sequence[FaceState]) -> Tensor:
    """How much of each photo a frame takes, (V, B), adding up to 1; smooth in what is wanted.

    Expressions are compared in units of how much they differ among the photos.
    """
    away = torch.stack([_apart(wanted, state) for state in photos])  # (V, B)
    expressions = torch.cat([state.expression for state in photos])
    among = torch.cdist(expressions.flatten(1), expressions.flatten(1))
    unit = among.sum() / (len(photos) * (len(photos) - 1))
    other = torch.stack(
        [(wanted.expression - state.expression).flatten(1).norm(dim=1) for state in photos]
    )
    return (
        -(away / math.radians(TURN)).square() - (other / unit.clamp(min=1e-4)).square()
    ).softmax(0)


def _apart(wanted: FaceState, state: FaceState) -> Tensor:
    """(B,) radians between the heads."""
    cosine = (
        torch.einsum("bij,bij->b", wanted.rotation, state.rotation.expand_as(wanted.rotation)) - 1
    ) / 2
    return torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))


def face_mask(keypoints: Tensor, height: int, width: int) -> Tensor:
    """(B, K, 3) driven keypoints to (B, 1, height, width): 1 in the face, 0 away from it."""
    flat = keypoints[..., :2]
    middle = flat.mean(1, keepdim=True)
    radius = (flat - middle).norm(dim=-1).amax(1).view(-1, 1, 1)
    x = (torch.arange(width).to(flat) + 0.5) * (2 / width) - 1
    y = (torch.arange(height).to(flat) + 0.5) * (2 / height) - 1
    away = torch.hypot(x - middle[:, :, :1], y[:, None] - middle[:, :, 1:]) / radius
    return smoothstep(away, *reversed(FACE))[:, None]


def paint(
    painter: Painter,
    source: WarpSource,
    keypoints: Tensor,
    views: Sequence[FaceView],
    share: Tensor,
) -> Tensor:
    """(B, K, 3) driven keypoints to (B, 3, 512, 512) pictures of the base and ``views`` together.

    ``share`` (1 + V, B) is that of the base and of each view.
    """
    with quickest_convolutions(keypoints.device):
        features = _fused(painter, painter.warping(source, keypoints), keypoints, views, share)
        return painter.decoder(features).to(keypoints.dtype)


def _fused(painter: Painter, own: Tensor, keypoints: Tensor, views, share: Tensor) -> Tensor:
    """(B, C, h, w) warped features of the base with those of the views."""
    features, mask = own, face_mask(keypoints, *own.shape[-2:]).to(own)
    for view, part in zip(views, share[1:].to(own), strict=True):
        part = (part - LEAST).clamp(min=0)  # so that most photos cost nothing in most frames
        if part.any():
            other = painter.warping(view.source, keypoints)
            features = features + mask * part.view(-1, 1, 1, 1) * (other - own)
    return features
