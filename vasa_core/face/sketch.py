"""A motion drawn without a portrait: curves for a timeline, and the mean face as lines."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor

from ..types import Motion, MotionSketch
from . import topology as mesh
from .basis import PARTS, FaceBasis
from .canonical import EYEBALL_RADIUS
from .geometry import rotation_matrix

NOSTRILS = (98, 97, 2, 326, 327)


def _closed(line: tuple[int, ...]) -> tuple[int, ...]:
    return (*line, line[0])


LINES = (
    _closed(mesh.OVAL),
    *(mesh.RIGHT_BROW, mesh.LEFT_BROW, mesh.NOSE_RIDGE, NOSTRILS),
    *(mesh.RIGHT_LID_UPPER, mesh.RIGHT_LID_LOWER, mesh.LEFT_LID_UPPER, mesh.LEFT_LID_LOWER),
    *(_closed(mesh.RIGHT_IRIS[1:]), _closed(mesh.LEFT_IRIS[1:])),
    *(mesh.LIP_UPPER_OUTER, mesh.LIP_UPPER_INNER, mesh.LIP_LOWER_INNER, mesh.LIP_LOWER_OUTER),
)


def sketch(motion: Motion, basis: FaceBasis) -> MotionSketch:
    """Curves and line drawings of a "portrait" motion whose codes are those of ``basis``."""
    faces = _faces(motion.dynamics, basis)
    turned = faces @ rotation_matrix(motion.rotation).mT
    placed = motion.scale[:, None, None] * turned[..., :2] + motion.translation[:, None]
    used = sorted(set(chain(*LINES)))
    place = {vertex: index for index, vertex in enumerate(used)}
    return MotionSketch(
        curves=_curves(motion, faces),
        points=placed[:, used],
        strokes=tuple(tuple(place[vertex] for vertex in line) for line in LINES),
    )


def _faces(codes: Tensor, basis: FaceBasis) -> Tensor:
    """(T, D) codes to (T, V, 3) upright mean faces with closed lids and turned irises."""
    faces = _shut(basis.canonical) + basis.displacement(codes)
    blink, gaze = codes[:, PARTS["blink"]], torch.deg2rad(codes[:, PARTS["gaze"]])
    faces = faces + torch.einsum("te,evc->tvc", blink, basis.blink)
    shift = EYEBALL_RADIUS * gaze.sin() * gaze.new_tensor([1.0, -1.0])  # y grows downwards
    faces[:, list(mesh.IRISES), :2] += shift[:, None]
    return faces


def _shut(face: Tensor) -> Tensor:
    """The (V, 3) mean face with its lips together: codes are measured from closed lips."""
    face = face.clone()
    upper, lower = list(mesh.LIP_UPPER_INNER), list(mesh.LIP_LOWER_INNER)
    face[upper] = face[lower] = (face[upper] + face[lower]) / 2
    return face


def _curves(motion: Motion, faces: Tensor) -> dict[str, Tensor]:
    yaw, pitch, roll = motion.rotation.unbind(1)
    gaze_yaw, gaze_pitch = motion.dynamics[:, PARTS["gaze"]].unbind(1)
    gap = faces[:, mesh.LIP_LOWER_MIDDLE, 1] - faces[:, mesh.LIP_UPPER_MIDDLE, 1]
    return {
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "distance": 1 / motion.scale,
        "lip_opening": gap.clamp(min=0),
        "blink": motion.dynamics[:, PARTS["blink"]].mean(1).clamp(0, 1),
        "gaze_yaw": gaze_yaw,
        "gaze_pitch": gaze_pitch,
    }
