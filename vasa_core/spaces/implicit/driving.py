"""How a driving motion moves a portrait's keypoints (LivePortrait, section 3.3 and algorithm 1).

Motion comes as ``Offsets`` from the portrait's own state: relative motion, absolute motion and
motion taken from one image differ in how the offsets are made, not in how they are applied.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Literal

import torch
from torch import Tensor

from .keypoints import EYES, LIPS, FaceState
from .networks.stitching import StitchingRetargeting

Region = Literal["all", "pose", "exp", "lip", "eyes"]

# Coordinates of the expression that an absolute motion sets; the others carry identity and pose.
ABSOLUTE = {
    **{point: (0, 1, 2) for point in (1, 2, 6, *range(11, 21))},
    **{3: (1,), 4: (1,), 5: (2,), 8: (2,), 9: (1, 2)},
}


@dataclass(frozen=True, slots=True)
class Offsets:
    """Change of B frames from a portrait's own state.

    rotation    (B, 3, 3)  in the head's own frame: R_new = R_source @ rotation
    expression  (B, K, 3)  added to what is kept of the portrait's own
    scale       (B, 1)     factor
    shift       (B, 2)     added
    own_lips    (B, 1)     how much of the portrait's own lip expression is kept, 1 all of it
    """

    rotation: Tensor
    expression: Tensor
    scale: Tensor
    shift: Tensor
    own_lips: Tensor

    def __getitem__(self, frames: slice) -> Offsets:
        return Offsets(*(getattr(self, f.name)[frames] for f in fields(self)))


def relative(driving: FaceState, first: FaceState, lips_absolute: bool = False) -> Offsets:
    """What changed since the first driving frame.

    With ``lips_absolute`` the driver's lips replace the portrait's own instead of adding to them,
    as JoyVASA has it: its motion starts with the lips wherever the sound starts.
    """
    expression = driving.expression - first.expression
    if lips_absolute:
        expression[:, LIPS] = driving.expression[:, LIPS]
    return Offsets(
        rotation=first.rotation.mT @ driving.rotation,
        expression=expression,
        scale=driving.scale / first.scale,
        shift=(driving.shift - first.shift)[:, :2],
        own_lips=torch.full_like(driving.scale, 0.0 if lips_absolute else 1.0),
    )


def absolute(driving: FaceState, source: FaceState) -> Offsets:
    """The driver's own pose and expression; the portrait keeps its size and what is its own."""
    chosen = torch.zeros_like(source.expression)
    for point, axes in ABSOLUTE.items():
        chosen[:, point, list(axes)] = 1.0
    return Offsets(
        rotation=source.rotation.mT @ driving.rotation,
        expression=chosen * (driving.expression - source.expression),
        scale=torch.ones_like(driving.scale),
        shift=(driving.shift - source.shift)[:, :2],
        own_lips=torch.ones_like(driving.scale),
    )


def from_image(driving: FaceState, neutral: Tensor) -> Offsets:
    """The expression of one picture, measured from ``neutral`` (1, K, 3); the pose stays."""
    still = relative(driving, driving)
    return replace(still, expression=driving.expression - neutral)


def only(offsets: Offsets, region: Region) -> Offsets:
    """The offsets of one animation region; outside of it the portrait stays as it is."""
    if region == "all":
        return offsets
    moved = torch.zeros_like(offsets.expression[:1])
    moved[:, {"pose": (), "exp": slice(None), "lip": LIPS, "eyes": EYES}[region]] = 1.0
    turned = region == "pose"
    still = torch.eye(3).to(offsets.rotation).expand_as(offsets.rotation)
    return Offsets(
        rotation=offsets.rotation if turned else still,
        expression=moved * offsets.expression,
        scale=torch.ones_like(offsets.scale),
        shift=offsets.shift if turned else torch.zeros_like(offsets.shift),
        own_lips=offsets.own_lips if region in ("exp", "lip") else torch.ones_like(offsets.scale),
    )


def moved(source: FaceState, offsets: Offsets) -> FaceState:
    """The states of B frames in which a portrait's own state has changed by offsets."""
    own = source.expression.expand_as(offsets.expression).clone()
    own[:, LIPS] *= offsets.own_lips[..., None]
    return FaceState(
        source.rotation @ offsets.rotation,
        own + offsets.expression,
        source.scale * offsets.scale,
        source.shift[:, :2] + offsets.shift,
    )


def driven(canonical: Tensor, source: FaceState, offsets: Offsets) -> Tensor:
    """(1, K, 3) canonical keypoints of a portrait to its driven keypoints (B, K, 3)."""
    return moved(source, offsets).points(canonical)


@dataclass(frozen=True, slots=True)
class Driving:
    """What is done to driven keypoints before they warp the portrait.

    stitching    keep the shoulders in place, so that the crop fits back into the picture
    multiplier   exaggerates (> 1) or damps the motion
    friendly     scale the motion by the size of the face in the driver's first frame
                 ("expression-friendly"; does nothing where that frame is the portrait itself)
    close_lips   close the portrait's lips before it moves ("lip normalisation")
    """

    stitching: bool = True
    multiplier: float = 1.0
    friendly: bool = False
    close_lips: bool = False


class KeypointDriver:
    """Driven keypoints of one portrait, for frames in any number of calls.

    canonical  (1, K, 3) of the portrait
    source     its own state
    first      offsets of the motion's first frame, which ``friendly`` measures
    change     (1, K, 3) added at the end, as ``closed_lips`` gives it
    """

    def __init__(
        self,
        canonical: Tensor,
        source: FaceState,
        networks: StitchingRetargeting,
        options: Driving,
        first: Offsets | None = None,
        change: Tensor | None = None,
    ):
        self.canonical, self.source, self.networks = canonical, source, networks
        self.options, self.change = options, change
        self.points = source.points(canonical)  # of the portrait as it is
        self.first = None
        if options.friendly and first is not None:
            self.first = driven(canonical, source, first)
            volumes = hull_volume(self.points) / hull_volume(self.first)
            self.size = volumes.sqrt()[:, None, None]

    def __call__(self, offsets: Offsets) -> Tensor:
        """Offsets of B frames to the keypoints (B, K, 3) that warp the portrait."""
        moved = driven(self.canonical, self.source, offsets)
        if self.first is not None:
            moved = self.points + (moved - self.first) * self.size
        return self.finish(moved)

    def retarget(self, moved: Tensor, *changes: Tensor) -> Tensor:
        """``moved`` (B, K, 3) with retargeting changes of lips or eyes (B, K, 3) added."""
        return self.finish(sum(changes, moved))

    def finish(self, moved: Tensor) -> Tensor:
        """Stitching, the change of the lips, and the multiplier on keypoints (B, K, 3)."""
        source = self.points.expand_as(moved)
        if self.options.stitching:
            moved = self.networks.stitch(source, moved)
        if self.change is not None:
            moved = moved + self.change
        return source + (moved - source) * self.options.multiplier


def closed_lips(
    networks: StitchingRetargeting, points: Tensor, opening: Tensor, threshold: float = 0.03
) -> Tensor:
    """(1, K, 3) change that closes a portrait's lips before it speaks (lip normalisation).

    ``points`` (1, K, 3) of the portrait, ``opening`` (1, 1) its lip ratio; nothing below
    ``threshold``, at which the lips count as closed.
    """
    change = networks.lips(points, opening, torch.zeros_like(opening))
    return torch.where(opening[..., None] >= threshold, change, 0.0)


def hull_volume(points: Tensor) -> Tensor:
    """Volume (B,) of the convex hull of (B, K, 3) points in general position.

    Every triangle of points that has all others on one side is a face of the hull: with 21 points
    that is quicker to try out than to search, and stays on the device.
    """
    triangles = torch.tensor(list(combinations(range(points.shape[1]), 3)), device=points.device)
    a, b, c = points[:, triangles].unbind(2)  # (B, N, 3) each
    normal = torch.linalg.cross(b - a, c - a)
    side = torch.einsum("bnc,bnkc->bnk", normal, points[:, None] - a[:, :, None])
    slack = 1e-6 * side.abs().amax((1, 2), keepdim=True)
    outer = (side <= slack).all(-1) | (side >= -slack).all(-1)
    inside = points.mean(1, keepdim=True)
    heights = ((a - inside) * normal).sum(-1).abs()  # times twice the triangle's area
    return (heights * outer).sum(1) / 6
